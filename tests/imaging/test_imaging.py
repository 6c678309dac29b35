"""Fit, regions and composition on known arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequela.core import Window
from sequela.imaging import Composer, Fit, effective_region, quantise, to_model_range
from sequela.metrics import ghosting

EIGHT = Window(low=0, high=255, origin="dtype")
sides = st.integers(16, 300)


@given(height=sides, width=sides, size=st.sampled_from([32, 64, 128]))
def test_a_fit_keeps_the_shape_and_lies_in_the_square(height, width, size):
    fit = Fit.of((height, width), size)
    assert max(fit.inner) == size
    assert abs(fit.inner[0] * fit.scale - height) <= fit.scale
    assert abs(fit.inner[1] * fit.scale - width) <= fit.scale


@given(height=sides, width=sides)
def test_a_constant_image_comes_back_from_the_square(height, width):
    fit = Fit.of((height, width), 64)
    back = fit.back(fit.forward(np.full((1, height, width), 0.3, np.float32)))
    assert back.shape == (1, height, width)
    assert np.abs(back - 0.3).max() < 1e-5


def test_a_smooth_image_comes_back_from_the_square():
    y, x = np.mgrid[0:100, 0:70] / 100
    image = (np.sin(4 * x) * np.cos(3 * y)).astype(np.float32)[None]
    fit = Fit.of((100, 70), 64)
    assert np.abs(fit.back(fit.forward(image)) - image).max() < 0.02


def test_the_window_is_mapped_to_minus_one_to_one_and_clipped():
    window = Window(low=100, high=300, origin="header")
    values = np.array([0, 100, 200, 300, 999], np.uint16)
    assert to_model_range(values, window).tolist() == [-1, -1, 0, 1, 1]


@given(seed=st.integers(0, 1000), feather=st.floats(0, 12))
def test_the_effective_region_is_zero_where_nothing_was_asked_or_all_is_protected(seed, feather):
    rng = np.random.default_rng(seed)
    requested = np.zeros((40, 50), np.float32)
    protected = np.zeros((40, 50), np.float32)
    top, left = rng.integers(0, 20, 2)
    requested[top : top + 15, left : left + 20] = rng.random()
    protected[top + 3 : top + 6, left + 3 : left + 9] = 0.01
    effective = effective_region(requested, protected, feather_px=feather)
    assert effective.dtype == np.float32
    assert (effective[(requested == 0) | (protected > 0)] == 0).all()
    assert (effective <= requested + 1e-4).all()
    assert np.array_equal(quantise(effective), effective)


def test_a_region_softens_inwards_and_not_at_the_edge_of_the_image():
    requested = np.zeros((40, 40), np.float32)
    requested[:, :20] = 1
    row = effective_region(requested, None, feather_px=8)[20]
    assert row[0] == 1
    assert (np.diff(row[10:21]) <= 0).all()
    assert 0 < row[19] < row[15] < 1


def composer(image: np.ndarray, size: int = 32) -> tuple[Composer, np.ndarray]:
    window = {np.dtype("uint16"): Window(low=0, high=4095, origin="dtype")}.get(image.dtype, EIGHT)
    fit = Fit.of(image.shape[:2], size)
    channels = 1 if image.ndim == 2 else 3
    decoded = np.zeros((channels, size, size), np.float32)
    return Composer.of(image, window, fit, decoded), decoded


@pytest.mark.parametrize("shape", [(60, 44), (60, 44, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_no_change_composes_to_the_very_input(shape, dtype):
    image = (np.random.default_rng(0).random(shape) * 255).astype(dtype)
    made, decoded = composer(image)
    assert np.array_equal(made.state(decoded, np.ones(shape[:2], np.float32)), image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_change_reaches_only_where_the_weight_does_and_keeps_the_range(dtype):
    image = (np.random.default_rng(0).random((60, 44)) * 255).astype(dtype)
    weight = np.zeros((60, 44), np.float32)
    weight[20:40] = 1
    made, decoded = composer(image)
    state = made.state(decoded + 5, weight)
    assert state.dtype == dtype
    assert np.array_equal(state[weight == 0], image[weight == 0])
    high = 255 if dtype == np.uint8 else 4095
    assert (state[weight == 1] == high).all()


def test_half_the_window_is_half_the_window():
    image = np.full((32, 32), 50, np.uint8)
    image[::2] = 51
    made, decoded = composer(image)
    state = made.state(decoded + 0.5, np.ones((32, 32), np.float32))
    assert abs(float(state.mean()) - float(image.mean()) - 0.25 * 255) < 1


def test_an_old_border_leaves_less_ghost_than_plain_addition():
    def film(column: int) -> np.ndarray:
        """A dark lung left of a bright heart, and fine grain."""
        grain = np.random.default_rng(1).normal(0, 2, (256, 256))
        return np.where(np.arange(256) < column, 60, 190)[None] + grain

    before, grown = film(150), film(120)
    baseline = np.rint(before).astype(np.uint8)
    fit = Fit.of((256, 256), 32)
    small = [
        fit.forward(to_model_range(x, EIGHT)[None].astype(np.float32)) for x in (before, grown)
    ]
    made = Composer.of(baseline, EIGHT, fit, small[0])
    weight = np.ones((256, 256), np.float32)
    composed = made.state(small[1], weight).astype(np.float32)
    added = np.clip(baseline + 127.5 * fit.back(small[1] - small[0])[0], 0, 255)
    share = [
        ghosting(baseline.astype(np.float32), x, blur_px=8, moved=60) for x in (added, composed)
    ]
    assert share[0] > 0.3
    assert share[1] < 0.6 * share[0]
