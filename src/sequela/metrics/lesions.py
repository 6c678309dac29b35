"""Forecast lesion masks against true ones: Dice, lesion-wise F1, distance, voxel log-likelihood.

One forecast at a time, arrays in, one number out; `bootstrap.mean_estimate` makes means over
patients with intervals of them.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from sequela.core import InvalidInputError
from sequela.core.checks import check_share
from sequela.imaging.net2 import label_lesions

Mask = Bool[np.ndarray, "depth height width"]
Chances = Float[np.ndarray, "depth height width"]
LEAST_CHANCE = 1e-5  # a forecast of 0 or 1 is taken as this much less sure: no infinite losses


def dice(forecast: Mask, truth: Mask) -> float:
    """Twice the common voxels over the sum of both.

    The empty rule: 1 when both are empty, 0 when one is. Report the share of empty truths beside a
    mean, for a forecaster of nothing scores that much.
    """
    both = int(forecast.sum()) + int(truth.sum())
    return 2 * float((forecast & truth).sum()) / both if both else 1.0


@dataclass(frozen=True, kw_only=True)
class LesionMatch:
    """Lesions found, missed and made up.

    Attributes:
        found: True lesions that the forecast overlaps.
        missed: True lesions that it does not.
        right: Forecast lesions that overlap a true one.
        wrong: Forecast lesions that do not.
    """

    found: int
    missed: int
    right: int
    wrong: int

    @property
    def sensitivity(self) -> float:
        """Share of true lesions that were found; nan where there are none."""
        return _share(self.found, self.missed)

    @property
    def precision(self) -> float:
        """Share of forecast lesions that are right; nan where there are none."""
        return _share(self.right, self.wrong)

    @property
    def f1(self) -> float:
        """Harmonic mean of both; 1 when nothing was there and nothing forecast."""
        if not self.found + self.missed + self.right + self.wrong:
            return 1.0
        if not (self.found and self.right):
            return 0.0
        return 2 * self.sensitivity * self.precision / (self.sensitivity + self.precision)


def match_lesions(
    forecast: Mask, truth: Mask, *, overlap: float = 0.1, connectivity: int = 26
) -> LesionMatch:
    """Which lesions of two masks are the same.

    Args:
        forecast: Forecast lesions.
        truth: True ones.
        overlap: Least share of a lesion's voxels that the other mask must cover, and always at
            least one voxel.
        connectivity: Neighbours that make one lesion: 6, 18 or 26.
    """
    check_share("overlap", overlap)
    found, missed = _covered(truth, forecast, overlap, connectivity)
    right, wrong = _covered(forecast, truth, overlap, connectivity)
    return LesionMatch(found=found, missed=missed, right=right, wrong=wrong)


def sensitivity_by_size(
    forecast: Mask, truth: Mask, edges_mm3: tuple[float, ...], *, voxel_ml: float
) -> list[tuple[int, int]]:
    """Found and all true lesions, by size class; a lesion is found when a voxel of it is.

    Args:
        forecast: Forecast lesions.
        truth: True ones.
        edges_mm3: Borders between classes, rising; there is one class more.
        voxel_ml: Volume of a voxel.
    """
    labels, count = label_lesions(truth)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:] * voxel_ml * 1000
    seen = np.bincount(labels[forecast], minlength=count + 1)[1:] > 0
    classes = np.digitize(sizes, edges_mm3)
    return [
        (int(seen[classes == k].sum()), int((classes == k).sum()))
        for k in range(len(edges_mm3) + 1)
    ]


def hausdorff_95_mm(forecast: Mask, truth: Mask, spacing_mm: tuple[float, float, float]) -> float:
    """The 95th percentile of how far surfaces are apart, both ways; nan where a mask is empty."""
    if not (forecast.any() and truth.any()):
        return float("nan")
    first, second = (m & ~ndimage.binary_erosion(m) for m in (forecast, truth))
    to_second = ndimage.distance_transform_edt(~second, sampling=spacing_mm)[first]
    to_first = ndimage.distance_transform_edt(~first, sampling=spacing_mm)[second]
    return float(max(np.percentile(to_second, 95), np.percentile(to_first, 95)))


def voxel_log_likelihood(chances: Chances, truth: Mask, within: Mask) -> float:
    """Mean log chance that the forecast gave to what came, natural, over some voxels.

    Args:
        chances: Of each voxel, [0, 1]; cut to [`LEAST_CHANCE`, 1 - `LEAST_CHANCE`].
        truth: What came.
        within: Voxels that count, such as the brain without its old lesions.

    Raises:
        InvalidInputError: No voxel counts, or a chance lies outside [0, 1].
    """
    _check_chances(chances, within)
    given = np.clip(chances[within].astype(np.float64), LEAST_CHANCE, 1 - LEAST_CHANCE)
    return float(np.where(truth[within], np.log(given), np.log1p(-given)).mean())


def counts_by_region(mask: Mask, regions: np.ndarray, names: tuple[str, ...]) -> dict[str, int]:
    """Lesions by region, each where most of it lies.

    Args:
        mask: Lesions.
        regions: Index into `names` of each voxel.
        names: Of the regions.
    """
    labels, count = label_lesions(mask)
    votes = np.zeros((count + 1, len(names)), np.int64)
    np.add.at(votes, (labels[mask], regions[mask]), 1)
    home = votes[1:].argmax(1)
    return {name: int((home == k).sum()) for k, name in enumerate(names)}


def _covered(one: Mask, other: Mask, overlap: float, connectivity: int) -> tuple[int, int]:
    labels, count = label_lesions(one, connectivity)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    common = np.bincount(labels[other], minlength=count + 1)[1:]
    hit = int(((common > 0) & (common >= overlap * sizes)).sum())
    return hit, count - hit


def _share(yes: int, no: int) -> float:
    return yes / (yes + no) if yes + no else float("nan")


def _check_chances(chances: np.ndarray, within: np.ndarray) -> None:
    if not within.any():
        raise InvalidInputError("`within` must hold at least one voxel, got none.")
    told = chances[within]
    if not (told.min() >= 0 and told.max() <= 1):  # nan fails too
        raise InvalidInputError(
            f"`chances` must lie in [0, 1], got {told.min():g} to {told.max():g}."
        )
