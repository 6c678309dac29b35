"""The walk in latent space, on a model whose answers are known."""

import numpy as np
import pytest
import torch

from sequela.core import Condition, Finding
from sequela.simulators.editing import PRESETS, ProgressiveEditing, ProgressiveEditor, Walk
from tests.simulators.fake_backbone import FakeBackbone, NoNoise
from tests.simulators.scans import box, drawn

PULL = 0.1
PLAIN = PRESETS["fast"].changed(guidance_scale=1.0, num_denoising_steps=2, feather=0.0)


def asked(text: str, **settings) -> Condition:
    return Condition(findings=(Finding(name="pull", text=text, **settings),))


def walked(settings: ProgressiveEditing, condition: Condition, *, region=None, scan=None):
    scan = scan or drawn((32, 32))
    editor = ProgressiveEditor(backbone=FakeBackbone(), settings=settings)
    case = editor.case(scan, region, None)
    walk = Walk(
        backbone=editor.backbone,
        settings=settings,
        guide=editor.guide(case, condition),
        region=case.latent_region(),
        noise=NoNoise(),
        samples=(0,),
    )
    return torch.cat(list(walk.states(case.batch(1))))


def test_a_constant_pull_follows_the_damping_law():
    states = walked(PLAIN, asked(f"+{PULL}"))
    change = (states - states[:1]).mean(dim=(1, 2, 3)).numpy()
    n, keep = np.arange(11), PLAIN.keep_inside
    law = PULL * keep / (1 - keep) * (1 - keep**n)
    # the oracle's pull enters through the last denoising step alone, so it is PULL each pass
    assert change == pytest.approx(law, abs=1e-3)


def test_an_edit_of_nothing_changes_nothing():
    states = walked(PLAIN, asked("nothing to see"))
    assert (states - states[:1]).abs().max() < 1e-5


def test_keeping_nothing_inside_leaves_the_baseline():
    states = walked(PLAIN.changed(keep_inside=0.0), asked("+0.5"))
    assert torch.equal(states, states[:1].expand_as(states))


def test_outside_the_region_latents_stay_the_baseline():
    scan = drawn((32, 32))
    region = box(scan, slice(0, 16), slice(0, 32))
    states = walked(PLAIN, asked("+0.5"), region=region, scan=scan)
    assert torch.equal(states[:, :, 9:], states[:1, :, 9:].expand_as(states[:, :, 9:]))
    assert (states[-1, :, :7] - states[0, :, :7]).abs().min() > 0.5


def test_twice_the_guidance_pulls_twice_as_far():
    guided = PLAIN.changed(reuse_guidance_below=0.0)
    once = walked(guided.changed(num_steps=1), asked("+0.1"))
    twice = walked(guided.changed(num_steps=1, guidance_scale=2.0), asked("+0.1"))
    assert torch.allclose(twice[1] - twice[0], 2 * (once[1] - once[0]), atol=1e-5)


def test_guidance_scale_zero_ignores_the_condition():
    states = walked(PLAIN.changed(guidance_scale=0.0), asked("+0.5"))
    assert (states - states[:1]).abs().max() < 1e-5


def test_the_negative_prompt_pushes_the_other_way():
    settings = PLAIN.changed(guidance_scale=2.0, num_steps=1, reuse_guidance_below=0.0)
    finding = Finding(name="pull", text="+0.1")
    towards = walked(settings, Condition(findings=(finding,)))
    away = walked(settings, Condition(findings=(finding,), negative_prompt="+0.3"))
    change = [float((s[1] - s[0]).mean()) for s in (towards, away)]
    # plain + 2 (finding - plain): 0 + 2 * 0.1 against 0.3 + 2 * (0.1 - 0.3)
    assert change == pytest.approx([0.75 * 0.2, 0.75 * -0.1], abs=1e-3)


def test_a_finding_of_weight_zero_asks_for_nothing():
    states = walked(PLAIN, asked("+0.5", weight=0.0))
    assert (states - states[:1]).abs().max() < 1e-5


def test_two_findings_keep_to_their_own_regions():
    scan = drawn((32, 32))
    left, right = box(scan, slice(0, 32), slice(0, 16)), box(scan, slice(0, 32), slice(16, 32))
    condition = Condition(
        findings=(
            Finding(name="brighter", text="+0.2", region=left),
            Finding(name="darker", text="-0.2", region=right),
        )
    )
    states = walked(PLAIN.changed(reuse_guidance_below=0.0), condition, scan=scan)
    change = states[-1] - states[0]
    assert change[..., :7].min() > 0.1
    assert change[..., 9:].max() < -0.1


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_touches_the_global_random_state(preset):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    editor = ProgressiveEditor(
        backbone=FakeBackbone(), settings=PRESETS[preset].changed(num_steps=1)
    )
    editor.simulate(drawn(), condition=asked("+0.1"), seed=3)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("findings", [1, 2])
def test_late_denoising_steps_ask_one_text_only(findings):
    backbone = FakeBackbone()
    settings = PRESETS["fast"].changed(num_steps=1)
    condition = Condition(findings=asked("+0.1").findings * findings)
    ProgressiveEditor(backbone=backbone, settings=settings).latents(drawn(), condition=condition)
    limit = settings.reuse_guidance_below * len(backbone.schedule)
    assert {texts for t, texts in backbone.calls if t >= limit} == {1 + findings}
    assert {texts for t, texts in backbone.calls if t < limit} == {1}
