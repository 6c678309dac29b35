"""What a patient brings along: how many lesions, how much, how many that enhance.

These three tell most of how active a patient is; a network that sees the images alone would have
to learn to count first.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sequela.imaging.grid import Grid
from sequela.imaging.net2 import label_lesions
from sequela.simulators.lesions.prepare import SEQUENCES, PreparedVisit

BURDEN_NUMBERS = 4
_ENHANCED = 0.15  # brighter on T1 after gadolinium by so much of [-1, 1]
_NOISE = 5.0  # and by so many noise deviations
_MIDDLE_LESIONS, _MIDDLE_ML = 55.0, 12.0


@dataclass(frozen=True, kw_only=True)
class Burden:
    """A patient's lesions at baseline.

    Attributes:
        lesions: Of the mask, those that touch by a face taken as one.
        load_ml: Volume of all.
        enhancing: That take up gadolinium; None where nobody looked.
    """

    lesions: int
    load_ml: float
    enhancing: int | None

    @property
    def numbers(self) -> Float[np.ndarray, " number"]:
        """For a network: logs around those of a typical patient, and what is known; float32."""
        known = self.enhancing is not None
        return np.array(
            [
                np.log((self.lesions + 1) / _MIDDLE_LESIONS),
                np.log((self.load_ml + 0.1) / _MIDDLE_ML) / 2,
                np.log1p(self.enhancing or 0) if known else 0.0,
                float(known),
            ],
            np.float32,
        )

    def warnings(self, seen: tuple[int, int]) -> tuple[str, ...]:
        """What a forecast must say where no training patient had so few lesions, or so many."""
        if seen[0] <= self.lesions <= seen[1]:
            return ()
        return (
            f"{self.lesions} lesions at baseline lie outside the {seen[0]} to {seen[1]} that the "
            "model's patients had: counts and chances are an extrapolation. Give a reader's mask.",
        )


def burden_of(visit: PreparedVisit) -> Burden:
    """The burden of a prepared visit; enhancing lesions are looked for where there is T1-Gd."""
    lesions, load_ml = lesions_of(visit.lesions, visit.grid)
    return Burden(lesions=lesions, load_ml=load_ml, enhancing=_enhancing(visit))


def lesions_of(mask: Bool[np.ndarray, "depth height width"], grid: Grid) -> tuple[int, float]:
    """Number and volume of lesions."""
    return label_lesions(mask, 6)[1], float(mask.sum()) * grid.voxel_ml


def enhancing_mask(visit: PreparedVisit) -> Bool[np.ndarray, "depth height width"] | None:
    """Lesion voxels that are clearly brighter after gadolinium; None without T1 or T1-Gd."""
    before, after = (SEQUENCES.index(name) for name in ("T1", "T1-Gd"))
    if not (visit.present[before] and visit.present[after]):
        return None
    gain = visit.images[after] - visit.images[before]
    inside = gain[visit.brain]
    spread = 1.4826 * float(np.median(np.abs(inside - np.median(inside))))
    rise = gain - float(np.median(inside))
    return np.asarray(visit.lesions & (rise > max(_ENHANCED, _NOISE * spread)))


def _enhancing(visit: PreparedVisit) -> int | None:
    mask = enhancing_mask(visit)
    return None if mask is None else label_lesions(mask, 26)[1]
