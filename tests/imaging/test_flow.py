"""Optical flow against pictures whose motion is known."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from sequela.imaging import Morph, backward, carried, optical_flow, resize_flow


@pytest.fixture(scope="module")
def tissue():
    rng = np.random.default_rng(0)
    picture = gaussian_filter(rng.standard_normal((96, 80)), 2)
    return (0.4 * picture / np.abs(picture).max())[None].astype(np.float32)


def _shifted(picture, down, across):
    return shift(picture, (0, down, across), order=3, mode="nearest").astype(np.float32)


@pytest.mark.parametrize(("down", "across"), [(0.0, 3.0), (-2.5, 1.0), (6.0, -5.0)])
def test_a_shift_is_found_to_a_quarter_of_a_pixel(tissue, down, across):
    inner = optical_flow(tissue, _shifted(tissue, down, across))[:, 16:-16, 16:-16]
    assert np.abs(inner[0] - down).mean() < 0.25
    assert np.abs(inner[1] - across).mean() < 0.25


def test_equal_pictures_and_flat_pictures_do_not_flow(tissue):
    assert np.abs(optical_flow(tissue, tissue)).max() < 1e-3
    flat = np.zeros_like(tissue)
    assert np.abs(optical_flow(flat, flat + 0.5)).max() < 1e-3


def test_a_large_picture_is_followed_at_less_and_measured_in_its_own_pixels(tissue):
    large = np.repeat(np.repeat(tissue, 4, axis=1), 4, axis=2)
    inner = optical_flow(large, np.roll(large, 8, axis=2), max_side=96)[:, 64:-64, 64:-64]
    assert abs(np.median(inner[1]) - 8) < 0.5


def test_carrying_by_the_flow_brings_the_other_picture_back(tissue):
    moved = _shifted(tissue, 2.0, 3.0)
    back = carried(moved, optical_flow(tissue, moved))
    before = np.abs(moved - tissue)[:, 8:-8, 8:-8].mean()
    assert np.abs(back - tissue)[:, 8:-8, 8:-8].mean() < 0.15 * before


def test_turning_a_flow_around_undoes_it():
    down, across = np.mgrid[0:40, 0:40].astype(np.float32)
    flow = np.stack([np.sin(across / 9), np.cos(down / 7)]).astype(np.float32)
    displacement = backward(flow, 1.0)
    arrived = displacement + carried(flow, displacement)
    assert np.abs(arrived[:, 5:-5, 5:-5]).max() < 0.02


def test_a_flow_on_a_finer_grid_counts_finer_pixels():
    flow = np.full((2, 10, 8), 1.5, np.float32)
    assert np.allclose(resize_flow(flow, (20, 32))[0], 3.0)
    assert np.allclose(resize_flow(flow, (20, 32))[1], 6.0)


def test_a_morph_starts_and_ends_on_its_pictures_exactly(tissue):
    moved = _shifted(tissue, 2.0, 3.0)
    morph = Morph.of(tissue, moved)
    assert np.array_equal(morph.at(0.0), tissue)
    assert np.array_equal(morph.at(1.0), moved)


def test_the_middle_of_a_morph_is_half_the_way(tissue):
    middle = Morph.of(tissue, _shifted(tissue, 4.0, 0.0)).at(0.5)
    truth, blend = _shifted(tissue, 2.0, 0.0), (tissue + _shifted(tissue, 4.0, 0.0)) / 2
    inner = np.s_[:, 12:-12, 12:-12]
    assert np.abs(middle - truth)[inner].mean() < 0.2 * np.abs(blend - truth)[inner].mean()


def test_beside_a_moving_border_the_background_stays():
    rng = np.random.default_rng(1)
    background = 0.3 * gaussian_filter(rng.standard_normal((64, 64)), 1.5)[None]
    first, last = background.astype(np.float32), background.astype(np.float32)
    first[:, 20:40, 20:30], last[:, 20:40, 20:34] = 0.9, 0.9
    middle = Morph.of(first, last).at(0.5)
    assert np.abs(middle - first)[:, :, 50:].max() < 0.02


def test_a_cloud_drifts_and_what_lies_behind_it_stays():
    rng = np.random.default_rng(2)
    behind = 0.3 * gaussian_filter(rng.standard_normal((96, 96)), 1.0)
    down, across = np.mgrid[0:96, 0:96]

    def seen(at):
        return (behind + 0.6 * np.exp(-((down - 48) ** 2 + (across - at) ** 2) / 200))[None]

    first, truth, last = (seen(at).astype(np.float32) for at in (42, 48, 54))
    middle = Morph.of(first, last).at(0.5)
    blend = (first + last) / 2
    assert np.abs(middle - truth).mean() < 0.7 * np.abs(blend - truth).mean()
    fine = [(x - gaussian_filter(x, (0, 3, 3)))[:, 32:64, 32:64].ravel() for x in (middle, truth)]
    assert np.corrcoef(*fine)[0, 1] > 0.95


def test_paced_moments_lie_where_equally_much_changes(tissue):
    morph = Morph.of(tissue, _shifted(tissue, 2.5, 3.5))
    weights = morph.paced(8)
    assert weights[0] == 0
    assert weights[-1] == 1
    even, paced = (
        np.abs(np.diff(morph.frames(w), axis=0)).mean(axis=(1, 2, 3))
        for w in (np.linspace(0, 1, 8, dtype=np.float32), weights)
    )
    assert paced.max() / paced.min() < 1.1 < even.max() / even.min()


def test_a_still_picture_is_paced_evenly(tissue):
    weights = Morph.of(tissue, tissue).paced(5)
    assert np.allclose(weights, [0, 0.25, 0.5, 0.75, 1], atol=1e-3)


def test_two_pictures_disagree_where_one_has_what_the_other_lacks(tissue):
    last = tissue.copy()
    last[:, 10:20, 10:20] = 0.9
    apart = Morph.of(tissue, last).disagreement(0.5)
    assert apart[12:18, 12:18].mean() > 0.4
    assert apart[40:].max() < 0.02
