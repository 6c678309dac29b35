"""Transitions: clip ends are the states, joins do not jump."""

from importlib import import_module

import numpy as np
import pytest

from sequela.backbones import load_backbone
from sequela.core import Condition, DrawnFrames, Finding, InvalidInputError, UnknownNameError
from sequela.render import to_display, viewing_size
from sequela.simulators.editing import PRESETS, ProgressiveEditor
from sequela.simulators.transition import animate
from sequela.simulators.transition.animate import MAX_SIDE
from tests.simulators.scans import box, drawn

PROMPT = Condition(findings=(Finding(name="Edema", text="A chest X-ray image,Edema"),))


@pytest.fixture(scope="module")
def editor(tiny_grey_sd_folder):
    backbone = load_backbone(tiny_grey_sd_folder, device="cpu")
    return ProgressiveEditor(backbone=backbone, settings=PRESETS["fast"].changed(num_steps=3))


@pytest.fixture(scope="module")
def made(editor):
    scan = drawn((70, 60), np.uint16)
    return editor.simulate(scan, condition=PROMPT, region=box(scan))


@pytest.mark.parametrize("engine", ["latent", "flow", "crossfade"])
@pytest.mark.parametrize("frames", [2, 5])
def test_n_clips_of_k_frames_share_their_ends(made, editor, engine, frames):
    video = animate(made, editor, engine=engine, frames_per_transition=frames).video
    assert len(video.frames) == 3 * (frames - 1) + 1
    for index, state in enumerate(made.states):
        shown = viewing_size(to_display(state.image, made.scan.window), MAX_SIDE)
        assert np.array_equal(video.frames[index * (frames - 1)], shown)


def test_a_crossfade_is_the_linear_blend(made, editor):
    frames = animate(made, editor, engine="crossfade", frames_per_transition=3).video.frames
    blend = (frames[0].astype(float) + frames[2].astype(float)) / 2
    assert np.abs(frames[1] - blend).max() <= 0.5


def test_joins_jump_no_more_than_frames_within_a_clip(made, editor):
    frames = animate(made, editor, frames_per_transition=6).video.frames.astype(float)
    moved = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2)).reshape(3, 5)
    assert moved[:, [0, -1]].max() < 2 * moved[:, 1:-1].max()


def test_outside_the_region_no_frame_moves(made, editor):
    frames = animate(made, editor, frames_per_transition=4).video.frames
    outside = made.regions["effective"].array == 0
    assert all(np.array_equal(frame[outside], frames[0][outside]) for frame in frames)


def test_the_same_run_gives_the_same_film(made, editor):
    first, second = (animate(made, editor, frames_per_transition=4) for _ in range(2))
    assert np.array_equal(first.video.frames, second.video.frames)


def test_a_large_colour_image_is_filmed_at_viewing_size(editor):
    scan = drawn((700, 560), colour=True)
    short = ProgressiveEditor(
        backbone=editor.backbone, settings=editor.settings.changed(num_steps=1)
    )
    video = animate(short.simulate(scan, condition=PROMPT), short, frames_per_transition=3).video
    assert video.frames.shape == (3, 512, 410, 3)


def test_a_long_film_is_drawn_while_it_is_read_with_the_same_frames(made, editor, monkeypatch):
    held = animate(made, editor, engine="flow", frames_per_transition=4).video.frames
    module = import_module("sequela.simulators.transition.animate")
    monkeypatch.setattr(module, "_HELD_BYTES", 1)
    drawn = animate(made, editor, engine="flow", frames_per_transition=4).video.frames
    assert isinstance(drawn, DrawnFrames)
    assert drawn.shape == held.shape
    assert np.array_equal(np.asarray(drawn), held)


def test_outside_the_region_may_follow_the_published_rule(made, editor):
    film = animate(made, editor, engine="crossfade", outside="paper", frames_per_transition=5)
    assert film.record.request["transition"]["outside"] == "paper"
    outside = made.regions["effective"].array == 0
    assert np.array_equal(film.video.frames[1][outside], film.video.frames[3][outside])


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"engine": "latnet"}, UnknownNameError),
        ({"frames_per_transition": 1}, InvalidInputError),
        ({"fps": 0.0}, InvalidInputError),
        ({"outside": "rmap"}, UnknownNameError),
    ],
)
def test_what_makes_no_film_is_refused(made, editor, settings, error):
    with pytest.raises(error):
        animate(made, editor, **settings)
