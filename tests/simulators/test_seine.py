"""SEINE end to end at a reduced width: masks, order of random numbers, ends, any length."""

import inspect
from itertools import pairwise

import numpy as np
import pytest
import torch

from sequela.backbones.seine import convert, load_seine
from sequela.core import GeometryMismatchError, InvalidInputError, UnknownNameError
from sequela.simulators.transition.seine import SeineTransition, pinned
from sequela.simulators.transition.seine_frames import (
    chain,
    held_ends,
    named_mask,
    unknown_frames,
)
from tests.nn.tiny_seine import TINY, tiny_checkpoint

TEXT = "smooth transition"


@pytest.fixture(scope="module")
def backbone(tmp_path_factory, tiny_sd_folder):
    folder = tmp_path_factory.mktemp("seine")
    file = convert(tiny_checkpoint(folder / "seine.pt"), folder / "converted", config=TINY)
    return load_seine(file, tiny_sd_folder, device="cpu")


@pytest.fixture(scope="module")
def engine(backbone):
    return SeineTransition(backbone=backbone, num_denoising_steps=3)


def _states(height=16, width=16, channels=3):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (2, channels, height, width)).astype(np.float32)


def test_0_is_known_and_1_is_generated():
    assert named_mask("onelast1", 16).tolist() == [0] + 14 * [1] + [0]
    assert named_mask("onelast2", 6).tolist() == [0, 0, 1, 1, 0, 0]
    assert named_mask("first1", 4).tolist() == [0, 1, 1, 1]
    assert named_mask("all", 3).tolist() == [1, 1, 1]


@pytest.mark.parametrize("kind", ["last1", "first", "first0", "onelast", "all2"])
def test_other_masks_are_refused(kind):
    with pytest.raises(UnknownNameError, match="onelast1"):
        named_mask(kind, 16)


def test_more_known_frames_than_frames_are_refused():
    with pytest.raises(InvalidInputError, match="at least 4"):
        unknown_frames(3, first=2, last=2)


@pytest.mark.parametrize("frames", range(2, 17))
def test_shorter_clips_hold_their_ends_so_that_the_network_sees_16_frames(frames):
    first, last = held_ends(frames, 16)
    assert first + (frames - 2) + last == 16
    assert 0 <= first - last <= 1
    assert int(unknown_frames(16, first=first, last=last).sum()) == frames - 2


@pytest.mark.parametrize("frames", [17, 20, 31, 46, 47, 100, 225, 226])
def test_longer_clips_meet_at_even_times_and_no_piece_is_longer_than_16(frames):
    meets = chain(frames, 16)
    assert meets[0] == (0, 0)
    assert meets[-1] == (15, frames - 1)
    assert all(0 < after[1] - before[1] <= 15 for before, after in pairwise(meets))
    for coarse, fine in meets:
        assert abs(fine - coarse * (frames - 1) / 15) <= 0.5


def test_clips_that_one_refinement_cannot_fill_are_refused():
    with pytest.raises(InvalidInputError, match="at most 226"):
        chain(227, 16)


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_a_clip_is_drawn_as_the_published_script_draws_it_seed_0_included(backbone, sampler):
    first, last = _states()
    engine = SeineTransition(
        backbone=backbone, sampler=sampler, num_denoising_steps=6, pin_ends=False
    )
    found = engine.clip(first, last, text=TEXT, seed=0)
    expected = _straight_line(backbone, first, last, sampler, steps=6, seed=0)
    assert found.shape == (16, 3, 16, 16)
    assert np.abs(found - expected).max() < 1e-3
    assert found.std() > 0.05


@torch.no_grad()
def _straight_line(backbone, first, last, sampler, *, steps, seed):
    """The published order of draws and of channels, written out, both halves of the batch kept."""
    torch_rng = torch.Generator().manual_seed(seed)
    z = torch.randn(1, 4, 16, 8, 8, generator=torch_rng)
    video = torch.zeros(16, 3, 16, 16)  # unknown frames: mid grey
    video[0], video[15] = torch.from_numpy(first), torch.from_numpy(last)
    latent = backbone.vae.encode(video).latent_dist
    drawn = torch.randn(16, 4, 8, 8, generator=torch_rng)
    masked = (latent.mean + latent.std * drawn) * 0.18215
    masked = masked.permute(1, 0, 2, 3)[None]
    mask = torch.ones(1, 1, 16, 8, 8)
    mask[:, :, 0] = mask[:, :, 15] = 0
    tokens = backbone.embed([TEXT, ""])
    bars = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    ids = [round(i * 999 / (steps - 1)) for i in range(steps)]
    kept = bars[ids]
    before = np.append(1.0, kept[:-1])
    betas = 1 - kept / before
    x = torch.cat([z, z])
    for i in reversed(range(steps)):
        half = torch.cat([x[:1], mask, masked], dim=1)
        output = backbone.network(torch.cat([half, half]), torch.full((2,), float(ids[i])), tokens)
        eps = output[1:] + 8.0 * (output[:1] - output[1:])
        eps = torch.cat([eps, eps])
        clean = x / kept[i] ** 0.5 - (1 / kept[i] - 1) ** 0.5 * eps
        if sampler == "ddim":
            x = clean * before[i] ** 0.5 + (1 - before[i]) ** 0.5 * eps
            continue
        noise = torch.randn(2, 4, 16, 8, 8, generator=torch_rng)
        x = (
            betas[i] * before[i] ** 0.5 / (1 - kept[i]) * clean
            + (1 - before[i]) * (1 - betas[i]) ** 0.5 / (1 - kept[i]) * x
            + (i > 0) * betas[i] ** 0.5 * noise
        )
    images = backbone.vae.decode(x[0].permute(1, 0, 2, 3) / 0.18215).sample
    return images.clamp(-1, 1).numpy()


def test_the_network_sees_latents_then_mask_then_known_frames_with_and_without_text(
    backbone, engine
):
    seen = []
    hook = backbone.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    first, last = _states()
    try:
        engine.clip(first, last, frames=6, text=TEXT, seed=1)
    finally:
        hook.remove()
    assert [float(times[0]) for _, times, _ in seen] == [999, 500, 0]  # of the whole schedule
    for latents, _, tokens in seen:
        assert latents.shape == (2, 9, 16, 8, 8)
        assert torch.equal(latents[0], latents[1])
        assert latents[0, 4].mean((1, 2)).tolist() == 6 * [0] + 4 * [1] + 6 * [0]
        assert torch.equal(tokens, backbone.embed([TEXT, ""]))
    known = [latents[0, 5:] for latents, _, _ in seen]
    assert torch.equal(known[0], known[2])
    # all frames but the held ones are noisy draws around the same mid grey
    grey = backbone.encode(torch.zeros(1, 3, 16, 16))
    assert ((known[0][:, 6:10] - grey.mean[0, :, None]).abs() < 6 * grey.std[0, :, None]).all()
    state = backbone.encode(torch.from_numpy(first)[None])
    assert ((known[0][:, :6] - state.mean[0, :, None]).abs() < 6 * state.std[0, :, None]).all()


@pytest.mark.parametrize("frames", [2, 3, 12, 16, 20])
def test_ends_are_the_states_and_all_frames_are_there(engine, frames):
    first, last = _states()
    video = engine.clip(first, last, frames=frames, text=TEXT, seed=0)
    assert video.shape == (frames, 3, 16, 16)
    assert video.dtype == np.float32
    assert np.array_equal(video[0], first)
    assert np.array_equal(video[-1], last)
    assert np.abs(video).max() <= 1


def test_16_frames_are_the_default():
    assert inspect.signature(SeineTransition.clip).parameters["frames"].default == 16


def test_pinning_moves_the_frames_between_by_a_fading_share():
    video = torch.zeros(5, 1, 1, 1)
    ends = torch.tensor([0.8, -0.4]).view(2, 1, 1, 1)
    expected = [0.8, 0.5, 0.2, -0.1, -0.4]
    assert pinned(video, ends).flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize("frames", [2, 5, 18])
def test_raw_ends_are_as_the_network_drew_them(backbone, frames):
    raw = SeineTransition(backbone=backbone, num_denoising_steps=2, pin_ends=False)
    first, last = _states()
    video = raw.clip(first, last, frames=frames, text=TEXT, seed=0)
    assert len(video) == frames
    assert np.abs(video[0] - first).max() > 1e-3


def test_seeds_decide_and_0_is_one_of_them(engine):
    first, last = _states()
    drawn = [engine.clip(first, last, frames=5, text=TEXT, seed=seed) for seed in (0, 0, 1)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.allclose(drawn[0], drawn[2], atol=1e-3)


def test_other_users_of_random_numbers_are_not_disturbed_and_do_not_disturb(engine):
    first, last = _states()
    expected = engine.clip(first, last, frames=5, text=TEXT, seed=3)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    assert np.array_equal(engine.clip(first, last, frames=5, text=TEXT, seed=3), expected)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_text_matters(engine):
    first, last = _states()
    drawn = [engine.clip(first, last, frames=5, text=text, seed=0) for text in ("pus", "heart")]
    assert not np.allclose(drawn[0], drawn[1], atol=1e-4)


def test_grey_states_of_any_size_come_back_as_grey_frames_of_that_size(engine):
    first, last = _states(15, 18, channels=1)
    video = engine.clip(first, last, frames=4, text=TEXT, seed=0)
    assert video.shape == (4, 1, 15, 18)
    assert np.array_equal(video[[0, -1]], np.stack([first, last]))


def test_the_network_may_work_at_another_size(backbone):
    engine = SeineTransition(backbone=backbone, num_denoising_steps=2, size=(8, 16))
    shapes = []
    hook = backbone.network.register_forward_pre_hook(lambda _, i: shapes.append(i[0].shape[-2:]))
    try:
        video = engine.clip(*_states(), frames=4, text=TEXT, seed=0)
    finally:
        hook.remove()
    assert set(shapes) == {(4, 8)}
    assert video.shape == (4, 3, 16, 16)


@pytest.mark.parametrize(("frames", "pieces"), [(16, 1), (40, 4)])
def test_progress_counts_every_denoising_step(backbone, frames, pieces):
    told = []
    engine = SeineTransition(
        backbone=backbone,
        num_denoising_steps=2,
        progress=lambda done, steps: told.append((done, steps)),
    )
    engine.clip(*_states(8, 8), frames=frames, text=TEXT, seed=0)
    assert told == [(i + 1, 2 * pieces) for i in range(2 * pieces)]


def test_the_published_settings_are_kept(backbone):
    engine = SeineTransition.published(backbone)
    assert (engine.sampler, engine.num_denoising_steps) == ("ddpm", 250)
    assert (engine.guidance_scale, engine.negative_text) == (8.0, "")
    assert (engine.size, engine.pin_ends) == ((512, 512), False)


def test_states_that_do_not_match_are_refused(engine):
    first, last = _states()
    with pytest.raises(GeometryMismatchError, match=r"\(3, 16, 16\) and \(3, 16, 8\)"):
        engine.clip(first, last[:, :, :8], text=TEXT, seed=0)
    with pytest.raises(InvalidInputError, match="1 or 3 channels"):
        engine.clip(first[:2], last[:2], text=TEXT, seed=0)
    for bad in (2 * last, last * np.float32("nan")):
        with pytest.raises(InvalidInputError, match=r"`last` must lie in \[-1, 1\]"):
            engine.clip(first, bad, text=TEXT, seed=0)


@pytest.mark.parametrize(
    ("asked", "name"),
    [({"frames": 1}, "frames"), ({"frames": 227}, "frames"), ({"seed": -1}, "seed")],
)
def test_numbers_that_make_no_clip_are_refused(engine, asked, name):
    with pytest.raises(InvalidInputError, match=f"`{name}`"):
        engine.clip(*_states(), **{"text": TEXT, "seed": 0, **asked})


@pytest.mark.parametrize(
    "settings",
    [
        {"sampler": "euler"},
        {"num_denoising_steps": 1},
        {"guidance_scale": -1.0},
        {"size": (15, 16)},
    ],
)
def test_settings_that_cannot_be_are_refused_before_anything_is_drawn(backbone, settings):
    with pytest.raises((InvalidInputError, UnknownNameError), match=f"`{next(iter(settings))}`"):
        SeineTransition(backbone=backbone, **settings)
