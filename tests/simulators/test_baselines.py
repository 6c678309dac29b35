"""Baselines and same-size controls: what each promises, on a model whose every answer is known."""

import numpy as np
import pytest
import torch

from sequela.backbones import load_backbone
from sequela.core import Condition, Finding, InvalidInputError
from sequela.simulators import baselines
from sequela.simulators.baselines import Task
from sequela.simulators.editing import PRESETS, ProgressiveEditor
from tests.simulators.fake_backbone import FakeBackbone
from tests.simulators.scans import box, drawn

STEPS = 4
CONDITION = Condition(findings=(Finding(name="Edema", text="A chest X-ray image,Edema"),))


@pytest.fixture(scope="module")
def editor(tiny_grey_sd_folder):
    backbone = load_backbone(tiny_grey_sd_folder, device="cpu")
    return ProgressiveEditor(backbone=backbone, settings=PRESETS["fast"].changed(num_steps=STEPS))


@pytest.fixture(scope="module")
def task():
    scan = drawn((40, 48))
    return Task(scan=scan, condition=CONDITION, region=box(scan), seed=3)


@pytest.fixture(scope="module")
def others():
    return [drawn((40, 48), seed=seed) for seed in (1, 2, 3)]


@pytest.fixture(scope="module")
def made(editor, task, others):
    """What every method makes of one task."""
    edited = baselines.progressive(editor, task)
    direction = baselines.class_direction(editor, others[:2], others[2:])
    return {
        "progressive": edited,
        "one step": baselines.one_step(editor, task),
        "walk": baselines.walk(editor, task),
        "style": baselines.style(editor, task, direction),
        "persistence": baselines.persistence(editor, task),
        "crossfade": baselines.crossfade(editor, task, others[0]),
        "noise": baselines.noise(editor, task, edited),
        "brightness": baselines.brightness(editor, task, edited),
    }


def outside(task: Task, editor: ProgressiveEditor) -> np.ndarray:
    return editor.case(task.scan, task.region, None).effective == 0


def test_every_method_gives_the_scan_and_as_many_states_as_steps(made, task):
    for name, states in made.items():
        assert len(states) == STEPS + 1, name
        assert np.array_equal(states[0].image, task.scan.array), name
        assert {s.image.dtype for s in states} == {task.scan.array.dtype}, name
        assert [s.kind for s in states] == ["observed", *["simulated"] * STEPS], name


def test_no_method_touches_a_pixel_outside_the_effective_region(made, task, editor):
    free = outside(task, editor)
    assert free.any()
    for name, states in made.items():
        for state in states:
            assert np.array_equal(state.image[free], task.scan.array[free]), name


def test_every_method_but_persistence_changes_the_region(made, task):
    for name, states in made.items():
        changed = not np.array_equal(states[-1].image, task.scan.array)
        assert changed == (name != "persistence"), name


def test_the_same_seed_repeats_a_walk_and_another_one_does_not(editor, task, made):
    again = baselines.walk(editor, task)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(made["walk"], again, strict=True))
    other = baselines.walk(
        editor, Task(scan=task.scan, condition=CONDITION, region=task.region, seed=4)
    )
    assert not np.array_equal(other[-1].image, made["walk"][-1].image)


def test_one_step_ends_on_the_single_edit_that_keeps_all(editor, task, made):
    whole = editor.settings.changed(num_steps=1, keep_inside=1.0)
    single = ProgressiveEditor(backbone=editor.backbone, settings=whole)
    last = single.simulate(task.scan, condition=CONDITION, region=task.region, seed=task.seed)
    assert np.array_equal(made["one step"][-1].image, last.states[-1].image)


def test_same_size_controls_change_each_step_as_much_as_the_edit(made, task):
    edited = [np.abs(s.image.astype(float) - task.scan.array).mean() for s in made["progressive"]]
    for name in ("noise", "brightness"):
        own = [np.abs(s.image.astype(float) - task.scan.array).mean() for s in made[name]]
        # clipping at black and white, and rounding, take a little away again
        assert np.allclose(own, edited, rtol=0.1, atol=0.3), name


def test_a_crossfade_ends_on_the_other_image_where_the_region_is_full(made, task, editor, others):
    full = editor.case(task.scan, task.region, None).effective == 1
    assert full.any()
    difference = made["crossfade"][-1].image.astype(int) - others[0].array
    assert np.abs(difference[full]).max() <= 1


def test_the_class_direction_is_the_difference_of_mean_latents():
    editor = ProgressiveEditor(backbone=FakeBackbone(), settings=PRESETS["fast"])
    dark, bright = drawn((32, 32)), drawn((32, 32))
    object.__setattr__(bright, "array", (dark.array * 0 + 255).astype(np.uint8))
    object.__setattr__(dark, "array", (dark.array * 0).astype(np.uint8))
    direction = baselines.class_direction(editor, [dark, dark], [bright])
    assert torch.allclose(direction, torch.full_like(direction, 2.0))


def test_slerp_keeps_the_length_of_noise_and_meets_its_ends():
    one, two = (torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(i)) for i in (0, 1))
    assert torch.allclose(baselines.slerp(one, two, 0.0), one, atol=1e-5)
    assert torch.allclose(baselines.slerp(one, two, 1.0), two, atol=1e-5)
    halfway = baselines.slerp(one, two, 0.5).norm()
    assert abs(float(halfway / ((one.norm() + two.norm()) / 2)) - 1) < 0.01
    assert torch.allclose(baselines.slerp(one, one, 0.3), one)


def test_misuse_is_one_clear_sentence(editor, task, made):
    with pytest.raises(InvalidInputError, match="`ill` must hold at least one scan"):
        baselines.class_direction(editor, [task.scan], [])
    with pytest.raises(InvalidInputError, match="`direction` must have the shape of the latents"):
        baselines.style(editor, task, torch.zeros(1, 1, 2, 2))
    with pytest.raises(InvalidInputError, match="`states` must be as many as `reference`"):
        baselines.same_size(task, made["noise"][:2], made["noise"])
