"""First-and-last-frame models and comparators, tiny ones, from a folder on disk to a clip."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from sequela.backbones.video_families import FAMILIES, VideoRequest
from sequela.backbones.video_load import load_video_model
from sequela.core import CheckpointError, InvalidInputError, UnknownNameError
from sequela.simulators.transition import Confinement, EngineSetup, Transitions, make_engine
from sequela.simulators.transition.flf2v import VideoTransition, nearest
from tests.backbones.tiny_video import tiny_cog, tiny_ltx, tiny_vace, tiny_wan

MAKERS = {
    "wan-flf2v": tiny_wan,
    "wan-2.2": lambda folder: tiny_wan(folder, kind="plain"),
    "wan-vace": tiny_vace,
    "ltx": tiny_ltx,
    "cogvideox": tiny_cog,
    "cogvideox-5b": lambda folder: tiny_cog(folder, learned=True),
    "wan-2.1-i2v": lambda folder: tiny_wan(folder, kind="i2v"),
    "wan-2.2-5b": lambda folder: tiny_wan(folder, kind="5b"),
}
WITH_LAST = ("wan-flf2v", "wan-2.2", "wan-vace", "ltx")
TEXT = "heart grows slowly"


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("video")
    return {name: make(root / name) for name, make in MAKERS.items()}


@pytest.fixture(scope="module")
def models(folders):
    return {name: load_video_model(folder, device="cpu") for name, folder in folders.items()}


def _states(channels=1, height=24, width=40):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (2, channels, height, width)).astype(np.float32)


@pytest.mark.parametrize("name", MAKERS)
def test_every_kind_draws_a_clip_from_state_to_state(models, name):
    model = models[name]
    engine = VideoTransition(model=model, to_last=name in WITH_LAST, num_denoising_steps=2)
    first, last = _states()
    drawer = Transitions(engine=engine, frames=6, text=TEXT, seed=0)
    clip = drawer.clip(first, last)
    assert clip.shape == (6, 1, 24, 40)
    assert np.array_equal(clip[0], first)
    assert np.array_equal(clip[-1], last)
    assert np.array_equal(clip, drawer.clip(first, last))
    other = Transitions(engine=engine, frames=6, text=TEXT, seed=1).clip(first, last)
    assert not np.array_equal(clip[2], other[2])


def test_which_models_take_a_last_frame_is_told_from_their_files(models):
    told = {name: model.last_frame for name, model in models.items()}
    assert {name for name in told if told[name] != "never"} == set(WITH_LAST)
    assert [name for name in told if told[name] == "must"] == ["wan-flf2v"]


def test_a_model_that_needs_a_last_frame_is_no_comparator(models):
    with pytest.raises(InvalidInputError, match="Name it with the transition flf2v"):
        VideoTransition(model=models["wan-flf2v"], to_last=False)


@pytest.mark.parametrize("name", WITH_LAST)
def test_the_last_state_changes_what_is_drawn_before_it(models, name):
    engine = VideoTransition(model=models[name], num_denoising_steps=2)
    first, last = _states()
    clip = engine.clip(first, last, frames=5, text=TEXT, seed=0)
    other = engine.clip(first, -last, frames=5, text=TEXT, seed=0)
    assert np.abs(clip[1:-1] - other[1:-1]).max() > 1e-4


@pytest.mark.parametrize("name", ["cogvideox", "wan-2.2", "wan-vace", "ltx"])
def test_a_comparator_is_not_told_the_last_state(models, name):
    engine = VideoTransition(model=models[name], to_last=False, num_denoising_steps=2)
    first, last = _states()
    clip = engine.clip(first, last, frames=5, text=TEXT, seed=0)
    assert np.array_equal(clip, engine.clip(first, -last, frames=5, text=TEXT, seed=0))


@pytest.mark.parametrize("name", ["wan-flf2v", "ltx"])
def test_text_and_what_to_avoid_both_count(models, name):
    first, last = _states()

    def drawn(text, avoided):
        engine = VideoTransition(
            model=models[name], num_denoising_steps=2, negative_text=avoided, guidance_scale=4.0
        )
        return engine.clip(first, last, frames=5, text=text, seed=0)

    assert not np.array_equal(drawn(TEXT, ""), drawn("slowly", ""))
    assert not np.array_equal(drawn(TEXT, ""), drawn(TEXT, "heart"))


@pytest.mark.parametrize(
    ("name", "frames", "drawn", "size"),
    [
        ("wan-flf2v", 12, 13, (32, 48)),
        ("wan-flf2v", 13, 13, (32, 48)),
        ("wan-vace", 2, 5, (32, 48)),
        ("ltx", 12, 17, (32, 32)),
        ("cogvideox", 14, 17, (32, 48)),
        ("cogvideox-5b", 12, 9, (16, 32)),
    ],
)
def test_counts_and_sizes_are_brought_to_what_the_model_can_draw(models, name, frames, drawn, size):
    assert models[name].frames_for(frames) == drawn
    assert models[name].size_for(24, 40) == size


@pytest.mark.parametrize(("drawn", "frames"), [(13, 12), (81, 12), (17, 12), (9, 9), (9, 12)])
def test_chosen_frames_are_even_to_half_a_drawn_frame(drawn, frames):
    chosen = nearest(drawn, frames)
    assert (chosen[0], chosen[-1], len(chosen)) == (0, drawn - 1, frames)
    for number, index in enumerate(chosen):
        assert abs(index - number * (drawn - 1) / (frames - 1)) <= 0.5
    assert all(after >= before for before, after in pairwise(chosen))


def test_more_frames_can_be_drawn_than_are_shown(models):
    seen = []
    engine = VideoTransition(
        model=models["wan-2.2"],
        num_denoising_steps=1,
        drawn_frames=12,
        progress=lambda done, steps: seen.append((done, steps)),
    )
    clip = engine.clip(*_states(), frames=3, text="", seed=0)
    assert clip.shape == (3, 1, 24, 40)
    assert seen == [(1, 1)]


def test_vace_is_shown_known_pixels_and_grey_where_it_may_invent():
    first, last = _states(channels=3, height=16, width=16)
    region = np.zeros((16, 16), np.float32)
    region[4:8, 4:8] = 1
    told = FAMILIES["WanVACEPipeline"].ends(
        VideoRequest(first=first, last=last, frames=5, region=region)
    )
    video, masks = ([np.asarray(x) for x in told[key]] for key in ("video", "mask"))
    assert not masks[0].any()
    assert not masks[-1].any()
    assert np.array_equal(masks[2][..., 0] == 255, region == 1)
    assert (np.abs(video[2][4:8, 4:8].astype(int) - 127.5) < 1).all()
    middle = np.moveaxis((first + last) / 2, 0, -1)[0]
    assert np.abs(video[2][0] / 127.5 - 1 - middle).max() < 0.01


def test_vace_is_told_the_region_and_the_clip_keeps_it(models):
    engine = VideoTransition(model=models["wan-vace"], num_denoising_steps=2)
    first, last = _states()
    region = np.zeros((24, 40), np.float32)
    region[6:18, 10:30] = 1
    free = Transitions(engine=engine, frames=5).clip(first, last)
    bound = Transitions(engine=engine, frames=5, confinement=Confinement(region=region))
    clip = bound.clip(first, last)
    assert np.allclose(clip[2][:, region == 0], ((first + last) / 2)[:, region == 0], atol=1e-6)
    inside = region == 1
    assert np.abs(clip[2][:, inside] - free[2][:, inside]).max() > 1e-4


def test_a_model_without_a_last_frame_names_those_that_have(folders):
    setup = EngineSetup(checkpoint=folders["cogvideox"], device="cpu")
    with pytest.raises(InvalidInputError, match=r"first only.*Wan VACE.*LTX.*i2v") as caught:
        make_engine("flf2v", setup)
    assert "\n" not in str(caught.value)
    assert make_engine("i2v", setup).to_last is False


def test_engines_without_a_model_say_what_they_need():
    for name in ("flf2v", "i2v", "seine"):
        with pytest.raises(InvalidInputError, match="`checkpoint` must be given"):
            make_engine(name, EngineSetup())


def test_other_pipelines_are_refused_by_name(tiny_sd_folder):
    with pytest.raises(CheckpointError, match=r"got a StableDiffusionPipeline.*CogVideoX"):
        load_video_model(tiny_sd_folder)


def test_a_path_that_is_nothing_is_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="neither a folder nor a hub id"):
        load_video_model(tmp_path / "nothing")


@pytest.mark.parametrize(
    "damage", ["missing", "surplus", "reshaped", "cut", "pickled", "scheduler"]
)
def test_weights_that_do_not_fit_are_refused(tmp_path, damage):
    folder = tiny_wan(tmp_path / "wan", kind="plain")
    file = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    if damage == "missing":
        del weights["proj_out.weight"]
    elif damage == "surplus":
        weights["other.weight"] = weights["proj_out.bias"].clone()
    elif damage == "reshaped":
        weights["proj_out.bias"] = weights["proj_out.bias"][:3].clone()
    save_file(weights, file)
    words = {
        "missing": "missing: proj_out.weight",
        "surplus": "surplus: other.weight",
        "reshaped": "reshaped: proj_out.bias",
        "cut": "damaged or foreign weights in transformer",
        "pickled": "only pickled weights in transformer",
        "scheduler": "got StolenScheduler",
    }
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:900])
    elif damage == "pickled":
        file.rename(file.with_suffix(".bin"))
    elif damage == "scheduler":
        config = folder / "scheduler" / "scheduler_config.json"
        stored = json.loads(config.read_text())
        config.write_text(json.dumps({**stored, "_class_name": "StolenScheduler"}))
    with pytest.raises(CheckpointError, match=words[damage]):
        load_video_model(folder, device="cpu")


def test_there_is_nothing_to_offload_from_a_cpu(folders):
    with pytest.raises(InvalidInputError, match="`offload` must be none on a CPU"):
        load_video_model(folders["ltx"], device="cpu", offload="model")


def test_a_clip_the_model_cannot_draw_is_refused(models):
    picture = np.zeros((3, 32, 48), np.float32)
    request = VideoRequest(first=picture, last=picture, frames=12)
    with pytest.raises(InvalidInputError, match="got 12 frames of 32 x 48"):
        models["wan-flf2v"].draw(request, text="", seed=0)
