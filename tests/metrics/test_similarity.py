"""SSIM and PSNR against hand-worked values and scikit-image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequela.core import GeometryMismatchError, InvalidInputError
from sequela.metrics.similarity import psnr, ssim


def pictures(seed, channels=1):
    draw = np.random.default_rng(seed)
    first = draw.uniform(0, 2, (channels, 40, 33))
    return first, np.clip(first + 0.3 * draw.normal(size=first.shape), 0, 2)


def test_psnr_of_a_hand_worked_case():
    """A tenth of the range off everywhere is 20 dB."""
    assert psnr(np.zeros((1, 4, 4)), np.full((1, 4, 4), 0.2), data_range=2) == pytest.approx(20)


def test_equal_pictures_have_ssim_1_and_no_end_of_psnr():
    first, _ = pictures(0)
    assert ssim(first, first, data_range=2) == 1
    assert psnr(first, first, data_range=2) == float("inf")


def test_ssim_of_two_flat_pictures_by_hand():
    """Only the light term is left: (2 x 50 x 100 + c) / (50^2 + 100^2 + c), c = 2.55^2."""
    found = ssim(np.full((1, 16, 16), 50.0), np.full((1, 16, 16), 100.0), data_range=255)
    assert found == pytest.approx((10_000 + 2.55**2) / (12_500 + 2.55**2))


def test_a_negative_is_less_like_than_a_stranger():
    first, other = pictures(0)[0], pictures(1)[0]
    assert ssim(first, 2 - first, data_range=2) < -0.5 < ssim(first, other, data_range=2)


def test_values_below_0_are_refused_for_their_negative_would_pass_for_alike():
    first, _ = pictures(0)
    with pytest.raises(InvalidInputError, match="Add 1 to pictures"):
        ssim(first - 1, 1 - first, data_range=2)


@pytest.mark.parity
@pytest.mark.parametrize("channels", [1, 3])
def test_both_agree_with_scikit_image(channels):
    """scikit-image 0.25 and later, Gaussian weights of 11 pixels, tolerance 1e-10."""
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    for seed in range(3):
        first, second = pictures(seed, channels)
        theirs = structural_similarity(
            first,
            second,
            data_range=2,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            channel_axis=0,
        )
        assert ssim(first, second, data_range=2) == pytest.approx(theirs, abs=1e-10)
        theirs = peak_signal_noise_ratio(first, second, data_range=2)
        assert psnr(first, second, data_range=2) == pytest.approx(theirs, abs=1e-10)


@given(st.floats(0.1, 100), st.integers(0, 5))
def test_neither_depends_on_the_unit_of_the_pixels(scale, seed):
    first, second = pictures(seed)
    for figure in (ssim, psnr):
        scaled = figure(scale * first, scale * second, data_range=2 * scale)
        assert scaled == pytest.approx(figure(first, second, data_range=2), rel=1e-6)


def test_other_grids_small_pictures_and_no_range_are_refused():
    first, second = pictures(0)
    with pytest.raises(GeometryMismatchError, match="`second` must lie on the grid"):
        psnr(first, second[:, 1:], data_range=2)
    with pytest.raises(InvalidInputError, match="at least 11 x 11"):
        ssim(first[:, :8, :8], second[:, :8, :8], data_range=2)
    with pytest.raises(InvalidInputError, match="`data_range` must be above 0"):
        ssim(first, second, data_range=0)
