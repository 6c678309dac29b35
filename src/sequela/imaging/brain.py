"""The brain in a head scan, the slow shading of receive coils, and one scale for all scanners.

Simple methods that need no weights: good enough to forecast from, no match for a trained brain
extraction; give a mask of your own where you have one.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from sequela.core.errors import InvalidInputError

Volume = Float[np.ndarray, "depth height width"]
Mask = Bool[np.ndarray, "depth height width"]
_STRIPPED_ZEROS = 0.25  # share of exact zeros from which on a skull was cut away before
_STRIPPED_LITRES = 1.9  # more than that, and a skull is there after all
_NECK_MM = 6.0  # half the width of what joins brain and scalp; all thinner bridges are cut
_SMALLEST_ML, _LARGEST_ML = 600.0, 2500.0
_DEGREE = 2  # of the polynomial that shading is
_ROUNDS = 4
_FITTED = 12_000  # voxels that the shading is fitted to; a field so smooth needs no more


def find_brain(volume: Volume, spacing_mm: tuple[float, float, float]) -> Mask:
    """The brain with its ventricles.

    An image whose skull was cut away is taken at its word; in others the brain is the largest
    bright body once thin bridges are cut.

    Args:
        volume: FLAIR or T1, arbitrary units.
        spacing_mm: Between samples.

    Raises:
        InvalidInputError: What is found cannot be a brain.
    """
    litre = 1e6 / float(np.prod(spacing_mm))
    stripped = float((volume == 0).mean()) > _STRIPPED_ZEROS
    brain = _largest(volume > 0)
    if not stripped or brain.sum() > _STRIPPED_LITRES * litre:
        brain = _core(volume, spacing_mm)
    brain = _filled(brain, spacing_mm)
    found = float(brain.sum() / litre * 1000)
    if not _SMALLEST_ML <= found <= _LARGEST_ML:
        raise InvalidInputError(
            f"`brain` could not be found: the best body has {found:.0f} mL, a brain has "
            f"{_SMALLEST_ML:.0f} to {_LARGEST_ML:.0f}. Give a brain mask of your own."
        )
    return brain


def even_out(volume: Volume, brain: Mask) -> tuple[Volume, Volume]:
    """The image without its slow shading, and the shading (1 on average over the brain).

    Tissue classes are told apart by brightness, a smooth field is fitted to what is left within
    classes, and both are repeated: the idea of Wells et al., "Adaptive segmentation of MRI data",
    1996, with a polynomial for the field.
    """
    basis = _polynomials(volume.shape)
    inside = np.flatnonzero(brain & (volume > 0))
    inside = inside[:: max(1, len(inside) // _FITTED)]
    values = np.log(volume.ravel()[inside].astype(np.float64))
    columns = basis.reshape(len(basis), -1)[:, inside].T
    shading = _fit(columns, values - np.median(values))
    for _ in range(_ROUNDS):
        flat = values - shading
        middles = np.percentile(flat, [8, 35, 65, 92])
        for _ in range(4):
            nearest = np.abs(flat[:, None] - middles).argmin(1)
            middles = np.array([_mean(flat[nearest == k], m) for k, m in enumerate(middles)])
        shading = _fit(columns, values - middles[nearest])
    weights, *_ = np.linalg.lstsq(columns, shading, rcond=None)
    offset = float((columns @ weights).mean())
    field = np.exp(np.tensordot(weights, basis, 1) - offset).astype(np.float32)
    return np.asarray(volume / field, np.float32), field


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How arbitrary units became [-1, 1]: 0 is -1, and `span` times the brain's median is 1.

    Attributes:
        median: Of the brain, in arbitrary units.
        span: In medians.
    """

    median: float
    span: float = 2.5

    @classmethod
    def of(cls, volume: Volume, brain: Mask) -> "Scale":
        """The scale of a volume.

        Raises:
            InvalidInputError: The brain is empty, or has no signal.
        """
        if not brain.any():
            raise InvalidInputError(
                "`brain` must hold at least one voxel, got an empty mask. "
                "Check that it lies on the images' grid."
            )
        median = float(np.median(volume[brain]))
        if not (np.isfinite(median) and median > 0):
            raise InvalidInputError(
                f"`volume` must have a positive median within the brain, got {median!r}. "
                "Give the image as the scanner stored it, not standardised."
            )
        return cls(median=median)

    def __call__(self, volume: Volume) -> Volume:
        """Values in [-1, 1]."""
        shown = 2 * volume / (self.span * self.median) - 1
        return np.asarray(np.clip(shown, -1, 1), np.float32)


def _fit(columns: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """The smooth part of what is left, without the brightest and darkest: lesions and fluid."""
    trusted = np.ones(len(rest), bool)
    for _ in range(3):
        weights, *_ = np.linalg.lstsq(columns[trusted], rest[trusted], rcond=None)
        beyond = np.abs(rest - columns @ weights)
        trusted = beyond < 2.5 * 1.4826 * float(np.median(beyond)) + 1e-9
    return np.asarray(columns @ weights - (columns @ weights).mean())


def _otsu(volume: Volume) -> float:
    """The threshold that splits the histogram into the two most distinct parts."""
    top = float(np.percentile(volume, 99.5))
    count, edges = np.histogram(volume, bins=128, range=(0.0, max(top, 1e-6)))
    middle = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(count)
    above = below[-1] - below
    sums = np.cumsum(count * middle)
    first = sums / np.maximum(below, 1)
    second = (sums[-1] - sums) / np.maximum(above, 1)
    return float(middle[np.argmax(below * above * (first - second) ** 2)])


def _core(volume: Volume, spacing_mm: tuple[float, float, float]) -> Mask:
    """The largest bright body that hangs together by more than bridges."""
    tissue = ndimage.gaussian_filter(volume, 0.7) > _otsu(volume)
    distance = ndimage.distance_transform_edt(tissue, sampling=spacing_mm)
    core = _largest(distance > _NECK_MM)
    away = ndimage.distance_transform_edt(~core, sampling=spacing_mm)
    return np.asarray(tissue & (away <= _NECK_MM * 1.2))


def _largest(mask: Mask) -> Mask:
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == sizes.argmax())


def _filled(mask: Mask, spacing_mm: tuple[float, float, float]) -> Mask:
    """Closed by 4 mm, holes filled slice by slice: ventricles open to the outside elsewhere."""
    reach = ndimage.distance_transform_edt(~mask, sampling=spacing_mm) <= 4
    closed = mask | (ndimage.distance_transform_edt(reach, sampling=spacing_mm) > 4.5)
    return np.stack([ndimage.binary_fill_holes(plane) for plane in closed])


def _polynomials(shape: tuple[int, ...]) -> Float[np.ndarray, "term depth height width"]:
    """All products of powers up to the degree, on [-1, 1]."""
    axes = [np.linspace(-1, 1, n)[:, None] ** np.arange(_DEGREE + 1) for n in shape]
    terms = [
        axes[0][:, i, None, None] * axes[1][None, :, j, None] * axes[2][None, None, :, k]
        for i in range(_DEGREE + 1)
        for j in range(_DEGREE + 1 - i)
        for k in range(_DEGREE + 1 - i - j)
    ]
    return np.stack(terms)


def _mean(values: np.ndarray, otherwise: float) -> float:
    return float(values.mean()) if len(values) else otherwise
