import numpy as np
import pytest

from sequela.core import GeometryMismatchError
from sequela.metrics.drift import drift


def region(height=4, width=5):
    soft = np.zeros((height, width), np.float32)
    soft[:2] = 1.0
    soft[2] = 0.5  # feathered: inside
    return soft


def test_drift_of_a_hand_worked_case():
    before = np.zeros((1, 4, 5), np.float32)
    after = before.copy()
    after[0, 0, 0] = 40  # inside at full weight
    after[0, 2, 0] = 20  # inside at half
    after[0, 3, 4] = -10  # outside: one of five pixels
    found = drift(before, after, region(), data_range=100)
    assert found.largest_outside == pytest.approx(0.1)
    assert found.mean_outside == pytest.approx(0.1 / 5)
    assert found.touched_outside == pytest.approx(1 / 5)
    assert found.mean_inside == pytest.approx((0.4 + 0.5 * 0.2) / 12.5)


def test_any_colour_that_moves_is_a_change():
    before = np.zeros((3, 4, 5), np.float32)
    after = before.copy()
    after[2, 3, 0] = 10
    assert drift(before, after, region(), data_range=100).touched_outside == pytest.approx(1 / 5)


def test_an_edit_of_nothing_drifts_by_exactly_nothing():
    before = np.random.default_rng(0).random((1, 4, 5)).astype(np.float32)
    found = drift(before, before.copy(), region(), data_range=1)
    assert found.largest_outside == found.mean_inside == found.touched_outside == 0


def test_a_region_of_everything_has_no_outside_and_an_empty_one_no_inside():
    before = np.zeros((1, 4, 5), np.float32)
    whole, none = (np.full((4, 5), v, np.float32) for v in (1, 0))
    assert np.isnan(drift(before, before, whole, data_range=1).mean_outside)
    assert np.isnan(drift(before, before, none, data_range=1).mean_inside)


def test_another_grid_is_refused():
    with pytest.raises(GeometryMismatchError, match="`after` and `region`"):
        drift(np.zeros((1, 4, 5)), np.zeros((1, 4, 4)), region(), data_range=1)
