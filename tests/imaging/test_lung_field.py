"""Lungs are found by threshold and components, and doubtful masks are told."""

import numpy as np

from sequela.imaging.grid import Grid
from sequela.imaging.lung_field import find_lungs, judged
from tests.simulators.lung_samples import GRID, lungs, volume


def dice(first, second):
    return 2 * (first & second).sum() / (first.sum() + second.sum())


def test_both_lungs_of_a_drawn_chest_are_found():
    found = find_lungs(volume(), GRID)
    assert dice(found.mask, lungs()) > 0.97
    assert found.doubts == ()


def test_dense_disease_along_the_pleura_stays_lung():
    inside, values = lungs(), volume()
    rim = inside & ~np.roll(inside, 1, axis=1)  # one voxel of consolidation in front
    values[rim] = -200
    assert dice(find_lungs(values, GRID).mask, inside) > 0.95


def test_a_fine_scan_and_a_coarse_one_give_the_same_litres():
    fine = Grid.upright((48, 96, 96), (4.0, 3.0, 3.0), (5.0, -3.0, 40.0))
    litres = [find_lungs(volume(grid), grid).volume_ml for grid in (GRID, fine)]
    assert abs(litres[0] / litres[1] - 1) < 0.05


def test_the_room_around_the_body_is_no_lung():
    values = volume()
    values[:, :3] = -900  # a blanket: as dense as lung, but at the picture's edge
    assert not find_lungs(values, GRID).mask[:, :3].any()


def test_a_block_of_tissue_has_no_lungs():
    found = find_lungs(np.full(GRID.shape, 40, np.int16), GRID)
    assert not found.mask.any()
    assert found.doubts == ("no lung was found",)


def test_one_lung_alone_is_doubtful():
    mask = lungs()
    mask[:, :, 16:] = False
    mask[8, 16, 28] = True
    assert any("one side has" in doubt for doubt in judged(mask, GRID, "given").doubts)


def test_a_scan_cut_through_the_base_is_doubtful():
    doubts = find_lungs(volume()[6:], Grid(shape=(10, 32, 32), affine=GRID.affine)).doubts
    assert any("lowest slice" in doubt for doubt in doubts)
