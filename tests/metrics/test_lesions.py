"""Scores of forecast lesions: worked by hand."""

import numpy as np
import pytest

from sequela.core import InvalidInputError
from sequela.metrics.lesions import (
    counts_by_region,
    dice,
    hausdorff_95_mm,
    match_lesions,
    sensitivity_by_size,
    voxel_log_likelihood,
)


def volume(*boxes):
    mask = np.zeros((4, 20, 20), bool)
    for d, h, w, size in boxes:
        mask[d, h : h + size, w : w + size] = True
    return mask


NOTHING = volume()
ONE, OTHER = volume((1, 2, 2, 4)), volume((2, 12, 12, 2))


def test_dice_of_known_overlap_and_its_empty_rule():
    assert dice(ONE, ONE) == 1
    assert dice(ONE, OTHER) == 0
    assert dice(ONE, volume((1, 2, 4, 4))) == pytest.approx(2 * 8 / 32)
    assert dice(NOTHING, NOTHING) == 1
    assert dice(NOTHING, ONE) == dice(ONE, NOTHING) == 0


def test_lesions_are_matched_one_by_one():
    match = match_lesions(ONE | volume((3, 2, 15, 2)), ONE | OTHER)
    assert (match.found, match.missed, match.right, match.wrong) == (1, 1, 1, 1)
    assert match.f1 == pytest.approx(0.5)
    assert match_lesions(ONE | OTHER, ONE | OTHER).f1 == 1
    assert match_lesions(NOTHING, NOTHING).f1 == 1
    assert match_lesions(NOTHING, ONE).f1 == 0
    assert np.isnan(match_lesions(NOTHING, ONE).precision)


def test_a_graze_is_no_match_but_a_tenth_is():
    large = volume((1, 0, 0, 10))
    graze, tenth = NOTHING.copy(), NOTHING.copy()
    graze[1, :9, 0] = True
    tenth[1, :10, 0] = True
    assert match_lesions(graze, large).found == 0
    assert match_lesions(tenth, large).found == 1
    assert match_lesions(graze, large, overlap=0.0).found == 1


def test_sensitivity_by_size_counts_each_class():
    truth = ONE | OTHER  # 16 and 4 voxels of 3 mm3: 48 and 12 mm3
    assert sensitivity_by_size(ONE, truth, (20.0,), voxel_ml=0.003) == [(0, 1), (1, 1)]


def test_surface_distance_of_a_shift():
    moved = np.roll(ONE, 3, axis=2)
    assert hausdorff_95_mm(ONE, moved, (3.0, 1.0, 2.0)) == pytest.approx(6.0)
    assert hausdorff_95_mm(ONE, ONE, (3.0, 1.0, 2.0)) == 0
    assert np.isnan(hausdorff_95_mm(NOTHING, ONE, (3.0, 1.0, 2.0)))


def test_log_likelihood_of_known_chances():
    within = volume((1, 0, 0, 10))
    truth = volume((1, 0, 0, 5))  # a quarter of what counts
    flat = np.full(truth.shape, 0.25)
    expected = 0.25 * np.log(0.25) + 0.75 * np.log(0.75)
    assert voxel_log_likelihood(flat, truth, within) == pytest.approx(expected)
    # no flat forecast beats the true share, and a sure wrong one costs much but not all
    for chance in (0.1, 0.4):
        assert voxel_log_likelihood(np.full_like(flat, chance), truth, within) < expected
    assert np.isfinite(voxel_log_likelihood(np.zeros_like(flat), truth, within))


def test_chances_beyond_one_and_empty_places_are_refused():
    with pytest.raises(InvalidInputError, match="`chances` must lie in"):
        voxel_log_likelihood(np.full(ONE.shape, 2.0), ONE, ONE)
    with pytest.raises(InvalidInputError, match="`within`"):
        voxel_log_likelihood(np.full(ONE.shape, 0.5), ONE, NOTHING)


def test_a_lesion_counts_where_most_of_it_lies():
    regions = np.zeros(ONE.shape, int)
    regions[:, :, 5:] = 1  # a quarter of ONE, all of OTHER
    assert counts_by_region(ONE | OTHER, regions, ("left", "right")) == {"left": 1, "right": 1}
    assert counts_by_region(NOTHING, regions, ("left", "right")) == {"left": 0, "right": 0}
