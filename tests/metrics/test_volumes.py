"""Likeness of volumes in a mask: by hand, and against scikit-image."""

import numpy as np
import pytest

from sequela.core import GeometryMismatchError, InvalidInputError
from sequela.metrics.volumes import masked_mse, volume_similarity

WINDOW = (-1000.0, 400.0)


def pair():
    rng = np.random.default_rng(0)
    real = rng.uniform(-1000, 400, (14, 20, 22)).astype(np.float32)
    made = np.clip(real + rng.normal(0, 150, real.shape), -1000, 400).astype(np.float32)
    inside = np.zeros(real.shape, bool)
    inside[6:8, 6:14, 6:16] = True
    return made, real, inside


def test_a_volume_is_like_itself():
    _, real, inside = pair()
    likeness = volume_similarity(real, real, inside)
    assert likeness == (0.0, float("inf"), pytest.approx(1.0))


def test_a_shift_by_a_tenth_of_the_window_is_a_hundredth_of_error():
    _, _, inside = pair()
    real = np.full(inside.shape, -500.0, np.float32)
    likeness = volume_similarity(real + 140, real, inside)
    assert likeness.mse == pytest.approx(0.01)
    assert likeness.psnr_db == pytest.approx(20.0)


def test_only_the_mask_counts_and_the_window_clips():
    made, real, inside = pair()
    other = np.where(inside, made, 3000.0).astype(np.float32)
    assert masked_mse(other, real, inside) == masked_mse(made, real, inside)
    assert masked_mse(np.full_like(real, 900), np.full_like(real, 5000), inside) == 0.0


def test_psnr_and_ssim_are_those_of_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    made, real, inside = pair()
    likeness = volume_similarity(made, real, inside)
    one, two = ((v.astype(np.float64) + 1000) / 1400 for v in (made, real))
    _, structure = metrics.structural_similarity(
        one,
        two,
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    # deep enough inside that the edges, which differ, are out of reach
    assert likeness.ssim == pytest.approx(structure[inside].mean(), abs=1e-6)
    error = metrics.peak_signal_noise_ratio(two[inside], one[inside], data_range=1.0)
    assert likeness.psnr_db == pytest.approx(error, abs=1e-6)


def test_bad_grids_and_empty_masks_are_refused():
    made, real, inside = pair()
    with pytest.raises(GeometryMismatchError, match="one grid"):
        volume_similarity(made[1:], real, inside)
    with pytest.raises(InvalidInputError, match="empty mask"):
        volume_similarity(made, real, np.zeros_like(inside))
