"""Offline finding of lesions on FLAIR, and whether a lesion mask lies on the side it should."""

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from sequela.imaging.net2 import label_lesions

Volume = Float[np.ndarray, "depth height width"]
Mask = Bool[np.ndarray, "depth height width"]
FLAIR_THRESHOLD = "flair-threshold"  # what results call this method
_SEED, _GROW = 1.5, 1.38  # brightness over the white matter's
_CORTEX_MM = 7.0  # bright rims so near the surface are cortex
_WHITE_MM = 12.0  # so deep most is white matter
_SMALLEST_MM3 = 9.0
_PRIOR_WEIGHT = 0.06  # of brightness, for each unit of the log of `likely`
_FAINT = 0.05  # of the average: nowhere is a lesion impossible


def flair_lesions(
    flair: Volume,
    brain: Mask,
    spacing_mm: tuple[float, float, float],
    *,
    likely: Volume | None = None,
) -> Mask:
    """Bright foci where lesions come: a baseline, no match for a trained method.

    Voxels well above the white matter's median begin a lesion, and it grows into what is still
    bright. Where lesions often lie, less brightness is asked for; where they never do, more.

    Args:
        flair: Without shading, arbitrary units.
        brain: Brain with its ventricles.
        spacing_mm: Between samples.
        likely: How often lesions lie there, 1 on average over the brain; None asks for the same
            brightness everywhere.
    """
    depth = ndimage.distance_transform_edt(brain, sampling=spacing_mm)
    white = brain & (depth > _WHITE_MM)
    middle = float(np.median(flair[white if white.any() else brain]))
    excess = ndimage.gaussian_filter(flair, [0.6 / s for s in spacing_mm]) / max(middle, 1e-9)
    if likely is not None:
        excess = excess + _PRIOR_WEIGHT * np.log(likely + _FAINT)
    deep = brain & (depth > _CORTEX_MM)
    grown, count = label_lesions((excess > _GROW) & deep)
    seeds = (excess > _SEED) & deep
    kept = np.zeros(count + 1, bool)
    kept[np.unique(grown[seeds])] = True
    kept[0] = False
    least = max(1, int(np.ceil(_SMALLEST_MM3 / float(np.prod(spacing_mm)))))
    labels, _ = label_lesions(np.asarray(kept[grown]), least=least)
    return np.asarray(labels > 0)


def looks_flipped(lesions: Mask, flair: Volume, brain: Mask) -> bool:
    """Whether the lesion mask fits the image clearly better after a left-right flip.

    Lesion by lesion, the mask must cover brighter tissue than its mirror image does; a mask that
    was flipped by mistake covers darker. Few or symmetric lesions decide nothing.
    """
    where = np.flatnonzero(brain.any(axis=(0, 1)))
    if not len(where) or not lesions.any():
        return False
    mirror = np.clip(where[0] + where[-1] - np.arange(brain.shape[2]), 0, brain.shape[2] - 1)
    own, _ = label_lesions(lesions & ~lesions[..., mirror])  # symmetric parts tell nothing
    index = np.arange(1, int(own.max()) + 1)
    if len(index) < 2:
        return False
    scale = float(flair[brain].std()) + 1e-9
    gain = ndimage.mean((flair - flair[..., mirror]) / scale, own, index)
    weight = np.sqrt(np.bincount(own.ravel())[1:])
    mean = float(np.average(gain, weights=weight))
    error = float(gain.std() / np.sqrt(len(gain))) + 0.05
    return mean < -2 * error
