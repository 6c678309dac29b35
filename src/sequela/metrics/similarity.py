"""SSIM and PSNR: how alike two pictures are, pixel by pixel.

Neither tells whether a patient is the same; both say how much was changed at all.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from sequela.core import GeometryMismatchError, InvalidInputError
from sequela.core.checks import check_positive

Picture = Float[np.ndarray, "channel height width"]

_SIGMA_PX = 1.5  # of the Gaussian window, and its radius, as published
_RADIUS_PX = 5


def psnr(first: Picture, second: Picture, *, data_range: float) -> float:
    """Peak signal-to-noise ratio in dB; infinite for equal pictures.

    Args:
        first: One picture.
        second: The other, on the same grid.
        data_range: Largest possible difference: 2 for [-1, 1], 255 for 8 bit.
    """
    _check(first, second, data_range)
    error = float(np.mean((first.astype(np.float64) - second) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(data_range**2 / error))


def ssim(first: Picture, second: Picture, *, data_range: float) -> float:
    """Mean structural similarity over pixels and channels, at most 1.

    Args:
        first: One picture, at least 11 pixels high and wide, of values from 0 on.
        second: The other, on the same grid.
        data_range: Largest possible value: 2 for [-1, 1] with 1 added, 255 for 8 bit.

    Raises:
        InvalidInputError: A value is below 0. The measure compares mean light, and two negative
            factors would make a picture's own negative look like it.

    Source: Wang et al., "Image Quality Assessment", IEEE TIP 2004, Gaussian window of 11 pixels,
        population covariances; the border of 5 pixels, where the window has no room, is left out.
    """
    _check(first, second, data_range)
    if min(first.shape[1:]) < 2 * _RADIUS_PX + 1:
        raise InvalidInputError(
            f"`first` must be at least 11 x 11 pixels, got {first.shape[1]} x {first.shape[2]}."
        )
    one, two = first.astype(np.float64), second.astype(np.float64)
    if min(one.min(), two.min()) < 0:
        raise InvalidInputError(
            f"`first` and `second` must hold no value below 0, got {min(one.min(), two.min()):g}. "
            "Add 1 to pictures in [-1, 1]; their `data_range` is 2."
        )
    inner = slice(_RADIUS_PX, -_RADIUS_PX)
    return float(ssim_map(one, two, _blurred, data_range)[:, inner, inner].mean())


def ssim_map(
    one: Float[np.ndarray, "*space"],
    two: Float[np.ndarray, "*space"],
    blurred: Callable[[np.ndarray], np.ndarray],
    data_range: float,
) -> Float[np.ndarray, "*space"]:
    """Structural similarity at each pixel or voxel, by the mean over a window as `blurred` has it.

    Args:
        one: Values from 0 on.
        two: The same, on the same grid.
        blurred: From values to their weighted means around each place.
        data_range: Largest possible value.
    """
    mean_one, mean_two = blurred(one), blurred(two)
    variance_one = blurred(one * one) - mean_one**2
    variance_two = blurred(two * two) - mean_two**2
    covariance = blurred(one * two) - mean_one * mean_two
    small, smaller = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    structure = (2 * covariance + smaller) / (variance_one + variance_two + smaller)
    light = (2 * mean_one * mean_two + small) / (mean_one**2 + mean_two**2 + small)
    return np.asarray(light * structure)


def _blurred(picture: Picture) -> Picture:
    sigma = (0, _SIGMA_PX, _SIGMA_PX)
    return np.asarray(gaussian_filter(picture, sigma, radius=(0, _RADIUS_PX, _RADIUS_PX)))


def _check(first: Picture, second: Picture, data_range: float) -> None:
    check_positive("data_range", data_range)
    if first.shape != second.shape:
        raise GeometryMismatchError(
            f"`second` must lie on the grid of `first`, {first.shape}, got {second.shape}. "
            "Resample one of them first."
        )
