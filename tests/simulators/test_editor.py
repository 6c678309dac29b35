"""Promises of the editor on a tiny model: exactness, seeds, samples, branches, replay."""

import numpy as np
import pytest

import sequela
from sequela.backbones import load_backbone
from sequela.core import CheckpointError, Condition, Finding, InvalidInputError, Region
from sequela.core.errors import GeometryMismatchError
from sequela.simulators.editing import PRESETS, ProgressiveEditor
from sequela.simulators.editing.replay import compare, editor_of, replay
from tests.simulators.fake_backbone import FakeBackbone
from tests.simulators.scans import box, drawn

PROMPT = Condition(findings=(Finding(name="Edema", text="A chest X-ray image,Edema"),))


@pytest.fixture(scope="module")
def backbone(tiny_grey_sd_folder):
    return load_backbone(tiny_grey_sd_folder, device="cpu")


@pytest.fixture(scope="module")
def editor(backbone):
    return ProgressiveEditor(backbone=backbone, settings=PRESETS["steady"].changed(num_steps=3))


def same(first, second) -> bool:
    return all(
        np.array_equal(a.image, b.image) for a, b in zip(first.states, second.states, strict=True)
    )


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    ("dtype", "colour"), [(np.uint8, False), (np.uint16, False), (np.uint8, True)]
)
def test_outside_the_effective_region_every_state_is_the_input(backbone, preset, dtype, colour):
    scan = drawn((57, 40), dtype, colour=colour)
    settings = PRESETS[preset].changed(num_steps=2, keep_outside=0.0, num_denoising_steps=6)
    made = ProgressiveEditor(backbone=backbone, settings=settings).simulate(
        scan, condition=PROMPT, region=box(scan)
    )
    outside = made.regions["effective"].array == 0
    assert outside.any()
    for state in made.states:
        assert state.image.dtype == dtype
        assert np.array_equal(state.image[outside], scan.array[outside])
    assert not np.array_equal(made.states[-1].image, scan.array)


@pytest.mark.parametrize("preset", PRESETS)
def test_protected_pixels_are_the_input_whatever_is_kept_outside(backbone, preset):
    scan = drawn((48, 48), np.uint16)
    protect = box(scan, slice(15, 25), slice(15, 25))
    settings = PRESETS[preset].changed(num_steps=2, keep_outside=0.3, num_denoising_steps=6)
    made = ProgressiveEditor(backbone=backbone, settings=settings).simulate(
        scan, condition=PROMPT, region=box(scan), protect=protect
    )
    kept = protect.array > 0
    assert all(np.array_equal(s.image[kept], scan.array[kept]) for s in made.states)


def test_a_seed_replays_exactly_and_another_does_not(editor):
    runs = [editor.simulate(drawn(), condition=PROMPT, seed=s) for s in (4, 4, 5)]
    assert same(runs[0].main, runs[1].main)
    assert not same(runs[0].main, runs[2].main)


def test_a_batch_of_samples_equals_single_ones_within_rounding(editor):
    scan = drawn()
    several = editor.simulate(scan, condition=PROMPT, samples=3)
    fewer = editor.simulate(scan, condition=PROMPT, samples=2)
    assert [b.id for b in several.branches] == ["main", "sample-1", "sample-2"]
    for name in ("main", "sample-1"):
        a, b = several.branch(name).latents, fewer.branch(name).latents
        assert np.abs(a - b).max() < 1e-4 * np.abs(a).max()
    assert several.uncertainty["spread"].shape == scan.array.shape
    assert several.uncertainty["spread"].max() > 0


def test_branching_under_the_old_condition_repeats_the_run(editor):
    made = editor.simulate(drawn(), condition=PROMPT, region=box(drawn()))
    again = editor.branch(made, from_state=1, condition=PROMPT)
    child = again.branches[-1]
    assert [s.step for s in child.states] == [2, 3]
    assert child.parent == "main"
    for a, b in zip(child.states, made.states[2:], strict=True):
        assert np.array_equal(a.image, b.image)
        assert a.scores == b.scores


def test_branching_from_the_baseline_repeats_it_too(editor):
    made = editor.simulate(drawn(), condition=PROMPT)
    child = editor.branch(made, from_state=0, condition=PROMPT).branches[-1]
    assert all(
        np.array_equal(a.image, b.image) for a, b in zip(child.states, made.states[1:], strict=True)
    )


def test_a_reopened_run_branches_and_replays_like_the_live_one(editor, backbone, tmp_path):
    scan = drawn(dtype=np.uint16)
    made = editor.simulate(scan, condition=PROMPT, region=box(scan), samples=2, seed=9)
    made = editor.branch(made, from_state=1, condition="no finding")
    made.save(tmp_path / "run")
    opened = sequela.open_run(tmp_path / "run")
    for a, b in zip(made.branches, opened.branches, strict=True):
        assert same(a, b)
    again = replay(opened, editor_of(opened, backbone))
    assert compare(opened, again).largest == 0


def test_a_replay_on_another_model_is_refused(editor, tmp_path):
    made = editor.simulate(drawn(), condition=PROMPT)
    with pytest.raises(CheckpointError, match="must be the recorded one"):
        editor_of(made, FakeBackbone())


def test_it_stops_when_little_changes(editor):
    made = editor.simulate(drawn(), condition=PROMPT, until_change=0.99)
    assert len(made.states) == 2


def test_inversion_keeps_more_than_fresh_noise():
    scan = drawn((32, 32))
    asked = Condition(findings=(Finding(name="pull", text="+0.05"),))
    moved = {}
    for way in ("noise", "inversion"):
        settings = PRESETS["fast"].changed(
            num_steps=2, roll_back=way, fresh_noise=0.0, guidance_scale=1.0
        )
        editor = ProgressiveEditor(backbone=FakeBackbone(), settings=settings)
        made = editor.simulate(scan, condition=asked)
        moved[way] = made.states[-1].scores["mean_change"]
    assert moved["inversion"] < moved["noise"]


def test_fresh_noise_is_what_makes_inverted_seeds_differ(backbone):
    apart = {}
    for share in (0.0, 0.1):
        settings = PRESETS["steady"].changed(num_steps=2, fresh_noise=share)
        editor = ProgressiveEditor(backbone=backbone, settings=settings)
        one, other = (editor.latents(drawn(), condition=PROMPT, seed=seed) for seed in (0, 1))
        apart[share] = float((one - other).abs().max())
    assert apart[0.0] == 0.0
    assert apart[0.1] > 0.0


def test_a_text_that_was_cut_is_told(editor):
    long = Condition(findings=(Finding(name="prompt", text="edema " * 400),))
    made = editor.simulate(drawn(), condition=long)
    assert any("did not read the end" in notice for notice in made.record.notices)


@pytest.mark.parametrize(
    ("licence", "told"),
    [
        ("Research only: no set is open.", True),
        ("Non-commercial: name the authors.", True),
        ("cc-by-nc-4.0", True),
        ("Free of non-commercial terms.", False),
        ("apache-2.0", False),
    ],
)
def test_a_licence_that_limits_the_use_is_told_in_the_run(licence, told):
    backbone = FakeBackbone()
    backbone.card = {"name": "fake", "licence": licence}
    editor = ProgressiveEditor(backbone=backbone, settings=PRESETS["fast"].changed(num_steps=1))
    made = editor.simulate(drawn((32, 32)), condition=PROMPT)
    assert (f"The licence of fake limits its use. {licence}" in made.record.notices) is told


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("colour", [False, True])
def test_grey_and_colour_go_through_either_model(channels, colour):
    scan = drawn(colour=colour)
    editor = ProgressiveEditor(
        backbone=FakeBackbone(channels), settings=PRESETS["fast"].changed(num_steps=1)
    )
    made = editor.simulate(scan, condition=Condition(findings=(Finding(name="p", text="+0.3"),)))
    assert made.states[-1].image.shape == scan.array.shape


def test_a_region_on_another_grid_is_refused(editor):
    scan = drawn()
    with pytest.raises(GeometryMismatchError, match="must lie on the scan's grid"):
        editor.simulate(
            scan,
            condition=PROMPT,
            region=Region(array=np.ones((5, 5), np.float32), origin="other.png"),
        )


def test_a_region_that_is_protected_whole_is_refused(editor):
    scan = drawn()
    with pytest.raises(InvalidInputError, match="leave none"):
        editor.simulate(scan, condition=PROMPT, region=box(scan), protect=box(scan))


def test_a_side_the_model_cannot_take_is_refused(backbone):
    with pytest.raises(InvalidInputError, match="must be a multiple of"):
        ProgressiveEditor(backbone=backbone, size=backbone.image_multiple + 1)


def test_states_are_counted_and_scored(editor):
    made = editor.simulate(drawn(), condition=PROMPT)
    assert [s.step for s in made.states] == [0, 1, 2, 3]
    assert [s.kind for s in made.states] == ["observed", *["simulated"] * 3]
    assert made.states[0].scores == {"mean_change": 0.0, "step_change": 0.0}
    assert made.states[1].scores["mean_change"] == made.states[1].scores["step_change"] > 0
