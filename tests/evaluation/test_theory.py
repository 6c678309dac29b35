"""Theory: bounds by hand, decays that are known, evidence of an oracle, paths along known axes."""

import numpy as np
import pytest
import torch

from sequela.core.errors import UnknownNameError
from sequela.diffusion import scaled_linear_schedule
from sequela.evaluation.theory import (
    damping,
    fit_decay,
    paths,
    step_bound,
    text_evidence,
    way_bound,
)
from tests.simulators.fake_backbone import FakeBackbone


def test_the_bound_of_a_step_is_the_proposition_by_hand():
    schedule = scaled_linear_schedule()
    first, second = 1 - 0.00085, (1 - 0.00085) * (1 - 0.0008546986)
    turn = (np.sqrt(first - first * second) - np.sqrt(second - first * second)) / np.sqrt(second)
    for form, drift in (("printed", 1 / first - 1), ("proof", 1 / np.sqrt(first) - 1)):
        expected = (drift * 60 + turn * 64) * np.sqrt(first) ** np.arange(3)
        assert step_bound(schedule, 3, largest=60, noise=64, form=form) == pytest.approx(
            expected, rel=1e-3
        )


def test_the_published_bound_hardly_decays_where_the_damping_law_does():
    bound = step_bound(scaled_linear_schedule(), 10, largest=60, noise=64)
    assert bound[-1] / bound[0] > 0.99
    assert damping(10, keep=0.75, gain=1.0)[-1] == pytest.approx(0.75**10)


def test_the_bound_of_the_way_is_the_sum_of_its_steps():
    schedule = scaled_linear_schedule()
    steps = step_bound(schedule, 5, largest=3, noise=4)
    assert way_bound(schedule, 5, largest=3, noise=4) == pytest.approx(np.cumsum(steps))


def test_another_form_is_refused():
    with pytest.raises(UnknownNameError, match="`form`"):
        step_bound(scaled_linear_schedule(), 5, largest=1, noise=1, form="corrected")


def test_a_decay_is_found_again():
    found = fit_decay(damping(10, keep=0.6, gain=2.0))
    assert (found.ratio, found.size) == pytest.approx((0.6, 2.0))
    assert found.unexplained < 1e-9


def test_what_does_not_settle_has_ratio_one():
    assert fit_decay(np.array([1.0, 1.1, 0.9, 1.0])).ratio == pytest.approx(1, abs=0.05)


def test_the_text_that_told_the_state_has_the_evidence():
    """The oracle knows clean latents for plain text and 0.2 too much for the other."""
    latents = torch.zeros(2, 1, 16, 16)
    backbone = FakeBackbone()
    for_plain = text_evidence(backbone, latents, "as it is", "+0.2")
    against_it = text_evidence(backbone, latents, "+0.2", "as it is")
    assert (for_plain > 0).all()
    assert (against_it < 0).all()


def test_paths_lie_along_the_axis_of_most_change():
    draw = np.random.default_rng(0)
    start = draw.normal(size=(3, 1, 5))
    along = np.zeros(5)
    along[2] = 4.0
    moving = start + np.linspace(0, 1, 4)[None, :, None] * along
    found = paths({"moves": moving, "stays": np.repeat(start, 4, axis=1)})
    assert np.abs(found["moves"][:, -1, 0]) == pytest.approx([4.0] * 3)
    assert np.abs(found["stays"]).max() < 1e-9
