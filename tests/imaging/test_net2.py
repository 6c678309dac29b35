"""New and enlarging lesions: cases whose answer is plain."""

import numpy as np
import pytest

from sequela.core import GeometryMismatchError, InvalidInputError, UnknownNameError
from sequela.imaging.grid import Grid
from sequela.imaging.net2 import Net2Rule, as_lesion_mask, derive_net2, label_lesions

VOXEL_ML = 0.003  # 1 x 1 x 3 mm


def volume(*boxes):
    mask = np.zeros((8, 24, 24), bool)
    for d, h, w in boxes:
        mask[slice(*d), slice(*h), slice(*w)] = True
    return mask


def box(d, h, w, size=3):
    return (d, d + 1), (h, h + size), (w, w + size)


OLD = volume(box(2, 2, 2))


def found(baseline, follow_up, **rule):
    return derive_net2(baseline, follow_up, voxel_ml=VOXEL_ML, rule=Net2Rule(**rule))


def test_nothing_changes_between_equal_masks():
    net2 = found(OLD, OLD)
    assert (net2.new_count, net2.enlarging_count) == (0, 0)
    assert not net2.mask.any()


def test_a_focus_without_overlap_is_new():
    net2 = found(OLD, OLD | volume(box(5, 15, 15)))
    assert (net2.new_count, net2.enlarging_count) == (1, 0)
    np.testing.assert_array_equal(net2.new, volume(box(5, 15, 15)))
    assert net2.volume_ml == pytest.approx(9 * VOXEL_ML)


def test_a_lesion_with_half_its_volume_more_enlarges_by_that_part():
    grown = OLD | volume(((2, 3), (2, 5), (5, 7)))  # 9 voxels and 6 more
    net2 = found(OLD, grown)
    assert (net2.new_count, net2.enlarging_count) == (0, 1)
    np.testing.assert_array_equal(net2.mask, grown & ~OLD)


def test_growth_below_the_threshold_is_no_growth():
    slightly = OLD | volume(((2, 3), (2, 5), (5, 6)))  # 3 more: a third
    assert found(OLD, slightly).count == 0
    assert found(OLD, slightly, growth=0.3).count == 1


def test_growth_smaller_than_the_smallest_lesion_is_no_growth():
    tiny = volume(((2, 3), (2, 3), (2, 4)))  # 2 voxels, 6 mm3
    doubled = volume(((2, 3), (2, 3), (2, 6)))  # 4 voxels: 100 % more, but only 6 mm3
    assert found(tiny, doubled).count == 0
    assert found(tiny, doubled, minimum_mm3=6.0).enlarging_count == 1


def test_new_foci_below_the_minimum_size_are_not_counted():
    speck = volume(((6, 7), (20, 21), (20, 22)))
    assert found(OLD, OLD | speck).count == 0
    assert found(OLD, OLD | speck, minimum_mm3=6.0).new_count == 1


def test_a_small_known_focus_is_not_new_when_it_passes_the_minimum():
    speck = volume(((6, 7), (20, 21), (20, 22)))
    passed = volume(((6, 7), (20, 21), (20, 23)))
    assert found(speck, passed).new_count == 0


def test_lesions_that_flow_together_are_no_growth():
    two = volume(box(2, 2, 2), box(2, 2, 6))
    bridged = two | volume(((2, 3), (3, 4), (5, 6)))
    assert found(two, bridged).count == 0


def test_a_lesion_that_comes_apart_is_no_growth():
    whole = volume(((2, 3), (2, 5), (2, 9)))
    apart = whole & ~volume(((2, 3), (2, 5), (5, 6)))
    assert found(whole, apart).count == 0


def test_a_vanished_lesion_is_no_net2_lesion():
    assert found(OLD, np.zeros_like(OLD)).count == 0


def test_connectivity_decides_whether_corners_join():
    corner = volume(((1, 2), (1, 4), (1, 4)), ((2, 3), (4, 7), (4, 7)))
    empty = np.zeros_like(corner)
    assert found(empty, corner, connectivity=26).new_count == 1
    assert found(empty, corner, connectivity=18).new_count == 2
    with pytest.raises(UnknownNameError, match="connectivity"):
        label_lesions(corner, 8)


def test_every_count_comes_with_its_rule():
    words = str(found(OLD, OLD | volume(box(5, 15, 15))))
    for part in ("1 NET2 lesions (1 new, 0 enlarging)", "50%", "9 mm3", "26-connected", "mL"):
        assert part in words


def test_masks_of_different_grids_are_refused():
    with pytest.raises(GeometryMismatchError, match="Register"):
        found(OLD, OLD[:4])


def test_a_label_map_is_no_lesion_mask():
    np.testing.assert_array_equal(as_lesion_mask("lesions", OLD.astype(np.uint8)), OLD)
    with pytest.raises(InvalidInputError, match=r"`lesions` must hold 0 and 1 only, got 0, 3"):
        as_lesion_mask("lesions", 3 * OLD.astype(np.uint8))
    with pytest.raises(InvalidInputError, match="single time point"):
        as_lesion_mask("lesions", np.zeros((2, 2, 2, 2)))


def test_a_grid_tells_where_its_voxels_are():
    grid = Grid.upright((3, 4, 5), (6.0, 2.0, 1.0), centre_mm=(10.0, 20.0, 30.0))
    assert grid.spacing_mm == (6.0, 2.0, 1.0)
    assert grid.voxel_ml == pytest.approx(0.012)
    np.testing.assert_allclose(grid.points.reshape(-1, 3).mean(0), (10, 20, 30), atol=1e-5)
    np.testing.assert_allclose(grid.points[2, 1, 0], (8, 19, 36), atol=1e-5)
    np.testing.assert_allclose(grid.indices_of(np.array([8.0, 19.0, 36.0])), (2, 1, 0), atol=1e-6)


def test_an_affine_that_cannot_be_inverted_is_refused():
    with pytest.raises(InvalidInputError, match="`affine` must be invertible"):
        Grid(shape=(2, 2, 2), affine=np.zeros((4, 4)))
