import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sequela.core import InvalidInputError
from sequela.diffusion import guided

GENERATOR = torch.Generator().manual_seed(0)
NOTHING, FIRST, SECOND = torch.randn(3, 2, 4, 6, 6, generator=GENERATOR).unbind()
scales = st.floats(0, 30)


def test_scale_1_is_the_conditional_and_scale_0_the_unconditional_prediction():
    torch.testing.assert_close(guided(NOTHING, [FIRST], [1.0], [None], 1.0), FIRST)
    assert torch.equal(guided(NOTHING, [FIRST], [1.0], [None], 0.0), NOTHING)


@given(scale=scales, weight=st.floats(0, 1))
def test_one_finding_gets_its_weight_of_the_scale(scale, weight):
    weak = guided(NOTHING, [FIRST], [weight], [None], scale)
    full = guided(NOTHING, [FIRST], [1.0], [None], scale * weight)
    torch.testing.assert_close(weak, full, rtol=1e-4, atol=1e-4)


@given(scale=scales, weight=st.floats(0, 3), count=st.integers(1, 4))
def test_overlapping_unrelated_findings_keep_about_the_norm_of_one(scale, weight, count):
    generator = torch.Generator().manual_seed(count)
    nothing = torch.zeros(1, 4, 32, 32)
    many = list(torch.randn(count, 1, 4, 32, 32, generator=generator).unbind())
    moved = guided(nothing, many, [weight] * count, [None] * count, scale).norm()
    bound = scale * min(1.0, weight * count**0.5) * 64
    assert float(moved) == pytest.approx(bound, rel=0.1, abs=1e-4)


def test_findings_in_separate_places_do_not_weaken_each_other():
    left = torch.zeros(1, 1, 6, 6)
    left[..., :3] = 1
    both = guided(NOTHING, [FIRST, SECOND], [1.0, 1.0], [left, 1 - left], 7.5)
    torch.testing.assert_close(both[..., :3], guided(NOTHING, [FIRST], [1.0], [None], 7.5)[..., :3])
    torch.testing.assert_close(
        both[..., 3:], guided(NOTHING, [SECOND], [1.0], [None], 7.5)[..., 3:]
    )


def test_outside_a_zero_mask_nothing_moves():
    mask = torch.zeros(2, 1, 6, 6)
    assert torch.equal(guided(NOTHING, [FIRST], [1.0], [mask], 27.5), NOTHING)


def test_the_order_of_findings_does_not_matter():
    one = guided(NOTHING, [FIRST, SECOND], [0.8, 0.4], [None, None], 7.5)
    other = guided(NOTHING, [SECOND, FIRST], [0.4, 0.8], [None, None], 7.5)
    torch.testing.assert_close(one, other)


def test_unequal_lists_are_refused_with_their_lengths():
    with pytest.raises(InvalidInputError, match="got 1, 2 and 1"):
        guided(NOTHING, [FIRST], [1.0, 1.0], [None], 7.5)


def test_a_finding_asked_for_twice_pulls_as_once():
    once = guided(NOTHING, [FIRST], [1.0], [None], 7.5)
    torch.testing.assert_close(guided(NOTHING, [FIRST] * 2, [1.0] * 2, [None] * 2, 7.5), once)


def test_each_sample_is_brought_down_by_its_own_likeness():
    """In the first sample both findings pull the same way, in the second at right angles."""
    one = torch.tensor([[1.0, 0.0], [1.0, 0.0]]).view(2, 1, 1, 2)
    other = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).view(2, 1, 1, 2)
    both = guided(torch.zeros_like(one), [one, other], [1.0, 1.0], [None, None], 1.0)
    torch.testing.assert_close(both.flatten(1).norm(dim=1), torch.ones(2))


@pytest.mark.parametrize("seed", range(20))
def test_findings_that_pull_opposite_ways_cancel_out_and_stay_finite(seed):
    pull = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(seed))
    made = guided(torch.zeros_like(pull), [pull, -pull], [1.0, 1.0], [None, None], 7.5)
    torch.testing.assert_close(made, torch.zeros_like(pull))
