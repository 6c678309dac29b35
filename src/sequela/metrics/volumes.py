"""How alike two volumes are inside a mask: squared error, PSNR and SSIM on the range of a window.

Values are put from a window of HU to [0, 1] first, so that errors of published work compare.

Source: of the measures, Wang et al., "Image Quality Assessment", IEEE TIP 2004, in three
dimensions with a Gaussian window of 11 voxels; the edge is repeated outwards.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Num
from scipy.ndimage import gaussian_filter

from sequela.core import GeometryMismatchError, InvalidInputError
from sequela.metrics.similarity import ssim_map

_SIGMA, _RADIUS = 1.5, 5  # voxels
Volume = Num[np.ndarray, "depth height width"]


class VolumeSimilarity(NamedTuple):
    """Of two volumes, inside a mask.

    Attributes:
        mse: Mean squared error; values lie in [0, 1].
        psnr_db: Peak signal-to-noise ratio; infinite where the volumes are equal.
        ssim: Mean structural similarity, at most 1.
    """

    mse: float
    psnr_db: float
    ssim: float


def volume_similarity(
    made: Volume,
    real: Volume,
    inside: Bool[np.ndarray, "depth height width"],
    *,
    window_hu: tuple[float, float] = (-1000.0, 400.0),
) -> VolumeSimilarity:
    """Squared error, PSNR and SSIM of `made` against `real`.

    Args:
        made: HU.
        real: HU, on the same grid.
        inside: Voxels that count; SSIM also looks at what lies around them.
        window_hu: Shown as 0 and as 1; what lies beyond is clipped.

    Raises:
        GeometryMismatchError: Grids differ.
        InvalidInputError: The mask is empty.
    """
    _check(made, real, inside)
    box = _box(inside)
    one, two = (_shown(volume[box], window_hu) for volume in (made, real))
    mse = float(np.square(one - two)[inside[box]].mean(dtype=np.float64))
    psnr_db = float("inf") if mse == 0 else float(-10 * np.log10(mse))
    ssim = float(ssim_map(one, two, _blurred, 1.0)[inside[box]].mean())
    return VolumeSimilarity(mse, psnr_db, ssim)


def masked_mse(
    made: Volume,
    real: Volume,
    inside: Bool[np.ndarray, "depth height width"],
    *,
    window_hu: tuple[float, float] = (-1000.0, 400.0),
) -> float:
    """The squared error alone; see `volume_similarity`."""
    _check(made, real, inside)
    one, two = (_shown(volume[inside], window_hu) for volume in (made, real))
    return float(np.square(one - two).mean())


def _check(made: Volume, real: Volume, inside: np.ndarray) -> None:
    if not (made.shape == real.shape == inside.shape):
        raise GeometryMismatchError(
            "`made`, `real` and `inside` must lie on one grid, got "
            f"{made.shape}, {real.shape} and {inside.shape}. Resample them first."
        )
    if not inside.any():
        raise InvalidInputError("`inside` must hold a voxel, got an empty mask.")


def _shown(volume: np.ndarray, window_hu: tuple[float, float]) -> np.ndarray:
    low, high = window_hu
    return np.asarray(np.clip((volume.astype(np.float64) - low) / (high - low), 0, 1))


def _blurred(volume: np.ndarray) -> np.ndarray:
    return np.asarray(gaussian_filter(volume, _SIGMA, radius=_RADIUS, mode="nearest"))


def _box(inside: np.ndarray) -> tuple[slice, ...]:
    """The mask's box with all that its voxels' windows reach."""
    found = np.nonzero(inside)
    return tuple(
        slice(max(0, int(at.min()) - _RADIUS), int(at.max()) + _RADIUS + 1) for at in found
    )
