"""A transition network on a handful of drawn clips: learns, resumes exactly, draws."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from sequela.core import InvalidInputError, UnknownNameError, UnreadableFileError
from sequela.io import read_run
from sequela.simulators.transition import EngineSetup, Transitions, make_engine
from sequela.training import read_recipe, run_recipe
from sequela.training.clips import read_clips
from sequela.training.data import step_generator
from sequela.training.objectives.transition import TransitionObjective
from sequela.training.recipe import DataSettings
from tests.backbones.tiny_models import tiny_sd
from tests.cli.conftest import call, write_film
from tests.training.tiny_clips import RECIPE, frame, frame_folder, gif

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
SETTINGS = DataSettings(sets=("clips",), image_size=32, channels=3)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    frame_folder(root / "clips" / "square")
    gif(root / "clips" / "square.gif")
    frame_folder(root / "held-out" / "other", 5)
    return root


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    return tiny_sd(tmp_path_factory.mktemp("codec") / "tiny-sd")


@pytest.fixture
def recipe(tmp_path, codec):
    def written(name="recipe", **changes):
        words = {"steps": 4, "rate": 1e-3, "ema": 0.9, "checkpoint": 100, "data": "", "network": ""}
        path = tmp_path / f"{name}.toml"
        path.write_text(RECIPE.format(**{**words, "codec": codec, **changes}))
        return read_recipe(path)

    return written


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory, tiny_grey_sd_folder):
    folder = tmp_path_factory.mktemp("runs")
    film = write_film(folder / "film.png")
    done = call(
        *("simulate", film, "--out", folder / "clips" / "run", "--disease", "edema"),
        *("--model", tiny_grey_sd_folder, "--steps", 3, "--transition", "none"),
        *("--region", "none", "--protect", "none"),
    )
    assert done.code == 0, done.err
    return folder / "clips" / "run"


def test_clips_come_from_folders_of_frames_and_from_films(data):
    clips = list(read_clips(data / "clips", SETTINGS))
    assert [clip.name for clip in clips] == ["square", "square.gif"]
    assert [tuple(clip.frames.shape) for clip in clips] == [(6, 3, 32, 32), (5, 3, 32, 32)]
    assert all(clip.text is None for clip in clips)
    for clip, positions in zip(clips, (np.linspace(0, 1, 6), np.linspace(0, 1, 5)), strict=True):
        for shown, position in zip(clip.frames, positions, strict=True):
            true = torch.from_numpy(frame(position) / 127.5 - 1).float()
            assert (shown[0] - true).abs().max() < 0.05


def test_frame_10_comes_after_frame_9(tmp_path):
    frame_folder(tmp_path / "clips" / "long", 12)
    (clip,) = read_clips(tmp_path, SETTINGS)
    centres = [float((f[0] > 0).nonzero()[:, 1].float().mean()) for f in clip.frames]
    assert centres == sorted(centres)


def test_sharp_edges_stay_in_range_when_frames_are_resized(tmp_path):
    folder = tmp_path / "clips" / "edges"
    folder.mkdir(parents=True)
    for number in range(3):
        pixels = np.zeros((77, 77), np.uint8)
        pixels[20:50, 20 + number : 50] = 255
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (clip,) = read_clips(tmp_path, SETTINGS)
    assert float(clip.frames.abs().max()) <= 1


def test_clips_come_from_the_editors_own_runs(run_folder):
    grey = DataSettings(sets=("clips",), image_size=32, channels=1)
    (clip,) = read_clips(run_folder.parent, grey)
    assert clip.name == "run/main"
    assert len(clip.frames) == 4
    run = read_run(run_folder)
    assert clip.text == run.main.condition.findings[0].text


@pytest.mark.parametrize(
    ("case", "error", "sentence"),
    [
        ("nothing", InvalidInputError, "holds none"),
        ("one frame", InvalidInputError, "at least 2 frames"),
        ("no film", UnreadableFileError, "no film, or damaged"),
        ("no folder", InvalidInputError, "holds none"),
    ],
)
def test_clips_that_cannot_be_used_are_named(tmp_path, case, error, sentence):
    folder = tmp_path / "clips"
    if case == "nothing":
        folder.mkdir()
    elif case == "one frame":
        frame_folder(folder / "one", 1)
    elif case == "no film":
        folder.mkdir()
        (folder / "film.mp4").write_bytes(b"no film at all" * 20)
    with pytest.raises(error, match=sentence):
        list(read_clips(folder, SETTINGS))


def test_a_batch_depends_on_seed_and_step_alone_and_masks_are_mixed(recipe, data):
    settings = recipe(network='masks = ["onelast1", "first1", "all"]\nheld = 0.0')
    objective = TransitionObjective.of(settings, data)
    one = objective.batch(24, step_generator(0, 5), 5)
    two = objective.batch(24, step_generator(0, 5), 9)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    latents, noise, timesteps, unknown, tokens = one
    assert latents.shape == noise.shape == (24, 4, 4, 16, 16)
    assert tokens.shape[0] == timesteps.shape[0] == 24
    kinds = {tuple(row.int().tolist()) for row in unknown}
    assert kinds == {(0, 1, 1, 0), (0, 1, 1, 1), (1, 1, 1, 1)}


def test_known_frames_are_seen_and_unknown_ones_are_grey(recipe, data):
    objective = TransitionObjective.of(recipe(), data)
    seen = []
    loss = objective.networks
    loss.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    latents, noise, timesteps, unknown, tokens = objective.batch(1, step_generator(0, 1), 1)
    loss(latents, noise, timesteps, unknown, tokens)
    (given,) = seen
    assert torch.equal(given[0, 4, :, 0, 0], unknown[0])
    known = unknown[0] == 0
    assert torch.equal(given[0, 5:, known], latents[0][:, known])
    grey = objective.backbone.encode(torch.zeros(1, 3, 32, 32)).mean[0]
    assert torch.allclose(given[0, 5:, ~known], grey[:, None].expand_as(latents[0][:, ~known]))


def test_the_loss_is_that_of_the_noise_or_of_the_velocity(recipe, data):
    for prediction in ("epsilon", "v_prediction"):
        settings = recipe(prediction, network=f'prediction = "{prediction}"')
        objective = TransitionObjective.of(settings, data)
        latents, noise, timesteps, unknown, tokens = objective.batch(2, step_generator(0, 1), 1)
        loss = objective.networks
        loss.network.forward = lambda *_, x=noise: x
        alpha = loss.schedule.alpha[timesteps].view(-1, 1, 1, 1, 1).float()
        sigma = loss.schedule.sigma[timesteps].view(-1, 1, 1, 1, 1).float()
        target = noise if prediction == "epsilon" else alpha * noise - sigma * latents
        found = loss(latents, noise, timesteps, unknown, tokens)["loss"]
        assert torch.isclose(found, (noise - target).square().mean(), atol=1e-6)


def test_the_loss_falls_on_a_tiny_set_and_the_result_draws(recipe, data, tmp_path):
    settings = recipe(
        "learns",
        steps=40,
        rate=5e-3,
        network='held_out = "held-out"\nprediction = "v_prediction"\nreverse = 0.5\nvariants = 2',
    )
    model = run_recipe(settings, data=data, out=tmp_path / "out")
    objective = TransitionObjective.of(settings, data)
    before = _mean_loss(objective)
    averaged = load_file(tmp_path / "out" / "checkpoint" / "averaged.safetensors")
    objective.networks.load_state_dict(averaged, strict=False)  # the fixed rotations are not kept
    assert _mean_loss(objective) < 0.7 * before
    lines = (tmp_path / "out" / "curves.csv").read_text().splitlines()
    assert (lines[0], len(lines)) == ("step,loss", 41)
    with (tmp_path / "out" / "held_out.csv").open() as stream:
        (figures,) = csv.DictReader(stream)
    assert set(figures) == {
        "step",
        "held_out_loss",
        "held_out_error",
        "held_out_error_of_crossfade",
    }
    assert (tmp_path / "out" / "samples" / "000040.png").is_file()
    engine = make_engine("seine", EngineSetup(checkpoint=model, device="cpu"))
    engine = replace(engine, num_denoising_steps=3)
    first, last = (frame(p)[None] / np.float32(127.5) - 1 for p in (0.0, 1.0))
    clip = Transitions(engine=engine, frames=4, text="smooth transition").clip(first, last)
    assert clip.shape == (4, 1, 32, 32)
    assert engine.card["licence"] == "drawn"


@torch.no_grad()
def _mean_loss(objective):
    batches = [objective.batch(8, step_generator(7, i), i) for i in range(4)]
    return float(np.mean([float(objective.networks(*batch)["loss"]) for batch in batches]))


def test_a_stopped_and_resumed_training_gives_the_same_weights(recipe, data, tmp_path):
    run_recipe(recipe("straight"), data=data, out=tmp_path / "straight")

    class StoppedError(Exception):
        pass

    def stop(step, steps, loss):
        if step == 3:  # one update after the checkpoint, which is lost and done again
            raise StoppedError

    halved = recipe("halved", checkpoint=2)
    with pytest.raises(StoppedError):
        run_recipe(halved, data=data, out=tmp_path / "halved", progress=stop)
    run_recipe(halved, data=data, out=tmp_path / "halved")
    for part in ("averaged", "networks"):
        straight, resumed = (
            load_file(tmp_path / name / "checkpoint" / f"{part}.safetensors")
            for name in ("straight", "halved")
        )
        assert straight.keys() == resumed.keys()
        assert all(torch.equal(straight[key], resumed[key]) for key in straight)


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"network": 'masks = ["last1"]'}, UnknownNameError, "onelast1"),
        ({"network": 'masks = ["onelast3"]'}, InvalidInputError, "at least 6"),
        ({"network": 'held_out = "clips"'}, InvalidInputError, "must not be one of the training"),
        ({"network": "norm_groups = 3"}, InvalidInputError, "3 groups"),
        ({"network": 'predictions = "v"'}, InvalidInputError, "does not know"),
    ],
)
def test_recipes_that_cannot_be_trained_are_refused(recipe, data, changes, error, sentence):
    with pytest.raises(error, match=sentence):
        TransitionObjective.of(recipe(**changes), data)


def test_a_grey_recipe_needs_a_grey_codec(recipe, data):
    settings = recipe()
    grey = type(settings)(
        **{**vars(settings), "data": DataSettings(sets=("clips",), image_size=32)}
    )
    with pytest.raises(InvalidInputError, match="`channels` must be 3"):
        TransitionObjective.of(grey, data)


def test_clips_too_short_for_their_masks_are_named(recipe, tmp_path):
    folder = tmp_path / "data" / "clips" / "short"
    folder.mkdir(parents=True)
    for number in range(2):
        Image.fromarray(frame(number)).save(folder / f"{number}.png")
    with pytest.raises(InvalidInputError, match="at least 3 frames for these masks, but short"):
        TransitionObjective.of(recipe(), tmp_path / "data")
