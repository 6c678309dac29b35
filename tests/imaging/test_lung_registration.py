"""Follow-ups are laid onto the baseline inside the lungs, and the field is checked."""

import sys
from inspect import signature

import numpy as np
import pytest
import torch
from scipy import ndimage

import sequela
from sequela.cli.extrapolate import extrapolate
from sequela.core import MissingExtraError
from sequela.imaging.grid import Grid
from sequela.imaging.lung_registration import DEFAULT_KIND, align_lungs, jacobian
from sequela.imaging.lung_search import search_field
from tests.simulators.lung_samples import lungs, volume

FINE = Grid.upright((32, 48, 48), (6.0, 6.0, 6.0), (5.0, -3.0, 40.0))


def moved(values, shift):
    return ndimage.shift(values.astype(np.float32), shift, order=1, mode="nearest")


def test_a_shift_is_found_back():
    shift = np.array([1.5, 0.0, -1.0])  # voxels of 6 mm
    values, inside = volume(FINE), lungs(FINE)
    later, there = moved(values, shift), moved(inside * 1.0, shift) > 0.5
    laid = align_lungs((values, inside, FINE), (later, there, FINE), kind="affine", spacing_mm=6.0)
    middle = FINE.points[16, 24, 24][None]
    wanted = middle + 6.0 * np.array([-1.0, 0.0, 1.5])  # LPS millimetres run w, h, d
    assert np.abs(laid.places(middle) - wanted).max() < 2.0
    assert laid.overlap[1] > laid.overlap[0]
    assert laid.overlap[1] > 0.95


@pytest.mark.parametrize("kind", ["convexadam", "demons"])
def test_a_field_is_told_in_millimetres_along_each_axis(kind):
    grid = Grid.upright((30, 64, 56), (6.0, 3.0, 3.5), (5.0, -3.0, 40.0))
    drawn = np.random.default_rng(0).standard_normal(grid.shape)
    fixed = 1000 * ndimage.gaussian_filter(drawn, 2.0).astype(np.float32)
    voxels = np.array([1.0, -2.0, 1.5])
    later = ndimage.shift(fixed, voxels, order=1, mode="nearest")
    found = search_field(fixed, later, grid, kind)[:, 10:20, 20:44, 20:36].mean((1, 2, 3))
    wanted = grid.affine[:3, :3] @ voxels  # LPS millimetres; as long along each axis as it is
    assert np.abs(found - wanted).max() < 1.0
    assert np.abs(wanted).min() > 5.0


@pytest.mark.parametrize("kind", ["convexadam", "demons"])
def test_a_field_follows_a_breath_without_folding(kind):
    values, inside = volume(FINE), lungs(FINE)
    amounts = -2.0 * (1 - np.arange(32) / 31)[:, None, None] * np.ones(FINE.shape)
    places = np.indices(FINE.shape) + np.stack([amounts, 0 * amounts, 0 * amounts])
    later = ndimage.map_coordinates(values.astype(np.float32), places, order=1, mode="nearest")
    there = ndimage.map_coordinates(inside * 1.0, places, order=1, mode="nearest") > 0.5
    laid = align_lungs((values, inside, FINE), (later, there, FINE), kind=kind, spacing_mm=6.0)
    assert laid.overlap[1] > laid.overlap[0]
    assert laid.folded == 0


def test_convexadam_replays_exactly_and_leaves_the_callers_luck_alone():
    values, inside = volume(FINE), lungs(FINE)
    later = moved(values, np.array([1.0, 0.0, 0.0]))
    there = moved(inside * 1.0, np.array([1.0, 0.0, 0.0])) > 0.5
    before = torch.get_rng_state()
    first, second = (
        align_lungs((values, inside, FINE), (later, there, FINE), kind="convexadam").field
        for _ in range(2)
    )
    assert np.array_equal(first, second)
    assert torch.equal(before, torch.get_rng_state())


def test_without_convexadam_the_remedy_is_told_before_anything_is_searched(monkeypatch):
    monkeypatch.setitem(sys.modules, "convexAdam.convex_adam_MIND", None)
    scan = (volume(FINE), lungs(FINE), FINE)
    with pytest.raises(MissingExtraError, match=r"needs convexAdam.*--registration demons"):
        align_lungs(scan, scan)


def test_every_door_has_the_same_default():
    doors = (sequela.extrapolate, extrapolate)
    assert {signature(d).parameters["registration"].default for d in doors} == {DEFAULT_KIND}


def test_scans_on_different_grids_meet():
    other = Grid.upright((20, 40, 40), (9.0, 7.0, 7.0), (0.0, 0.0, 35.0))
    laid = align_lungs(
        (volume(FINE), lungs(FINE), FINE), (volume(other), lungs(other), other), kind="none"
    )
    made = laid.applied(volume(other), other, FINE)
    assert np.abs(made - volume(FINE))[lungs(FINE)].mean() < 60


def test_the_jacobian_of_a_stretch_is_known():
    points = FINE.points
    field = np.moveaxis(points * np.array([0.0, 0.0, 0.5]), -1, 0).astype(np.float32)
    assert jacobian(field, np.eye(4), FINE)[16, 24, 24] == pytest.approx(1.5, abs=1e-3)
    assert jacobian(-4 * field, np.eye(4), FINE)[16, 24, 24] < 0  # turned inside out
