"""Masks made to hold a count, and luck that neighbours share."""

import numpy as np
import pytest
import torch

from sequela.core import InvalidInputError
from sequela.imaging.net2 import label_lesions
from sequela.simulators.lesions.calibrate import calibrate_clumping
from sequela.simulators.lesions.forecast import shared
from sequela.simulators.lesions.hold import hold

SHAPE = (6, 12, 12)


def mask(*blocks):
    made = np.zeros(SHAPE, bool)
    for block in blocks:
        made[block] = True
    return made


BIG, SMALL, LONE = np.s_[1, 1:3, 1:4], np.s_[4, 5, 5:7], np.s_[2, 9, 9]


def test_the_smallest_pieces_go_first():
    made = hold(mask(BIG, SMALL, LONE), np.zeros(SHAPE), 2)
    np.testing.assert_array_equal(made, mask(BIG, SMALL))
    np.testing.assert_array_equal(hold(made, np.zeros(SHAPE), 0), mask())


def test_the_likeliest_voxels_that_touch_nothing_come():
    odds = np.full(SHAPE, -9.0)
    odds[1, 3, 4] = 5.0  # touches the big one by a corner
    odds[4, 8, 8], odds[0, 8, 2] = 2.0, 1.0
    made = hold(mask(BIG), odds, 3)
    np.testing.assert_array_equal(made, mask(BIG, np.s_[4, 8, 8], np.s_[0, 8, 2]))
    assert label_lesions(made)[1] == 3


def test_a_right_count_changes_nothing_and_a_full_mask_gets_no_more():
    two = mask(BIG, LONE)
    np.testing.assert_array_equal(hold(two, np.zeros(SHAPE), 2), two)
    assert hold(np.ones(SHAPE, bool), np.zeros(SHAPE), 5).all()


def test_shared_luck_keeps_each_voxel_standard_normal_and_ties_neighbours():
    luck = torch.randn(1, 1, 20, 60, 60, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(shared(luck, (0.0, 0.0, 0.0)), luck)
    mixed = shared(luck, (0.5, 1.0, 1.0))[..., 2:-2, 3:-3, 3:-3]
    assert float(mixed.std()) == pytest.approx(1.0, abs=0.03)
    beside = float((mixed[..., 1:] * mixed[..., :-1]).mean())
    above = float((mixed[..., 1:, :, :] * mixed[..., :-1, :, :]).mean())
    # a Gaussian of deviation s mixes values d apart by exp(-d^2 / 4 s^2)
    assert beside == pytest.approx(np.exp(-1 / 4), abs=0.03)
    assert above == pytest.approx(np.exp(-1), abs=0.1)


def test_clumping_needs_patients_to_be_found_on():
    with pytest.raises(InvalidInputError, match="`patients` must hold"):
        calibrate_clumping(None, [], voxels=3.0)
