"""One forecast of one patient against what came: places, sizes, regions."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sequela.cohorts.synthetic.trial.anatomy import REGIONS, region_of
from sequela.imaging.grid import Grid
from sequela.metrics.lesions import (
    LEAST_CHANCE,
    counts_by_region,
    dice,
    hausdorff_95_mm,
    match_lesions,
    sensitivity_by_size,
    voxel_log_likelihood,
)
from sequela.metrics.ranking import auroc
from sequela.simulators.baselines.lesion_answer import LesionAnswer
from sequela.simulators.lesions.places import atlas_points, free_voxels
from sequela.simulators.lesions.prepare import PreparedVisit

SIZE_EDGES_MM3 = (50.0, 150.0)  # small, middling, large
_MASKS = 8  # possible masks that are scored one by one
Mask = Bool[np.ndarray, "depth height width"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What came to a patient.

    Attributes:
        visit: Baseline on the forecast's grid.
        truth: NET2 mask.
        lesions: Counted in the mask.
    """

    visit: PreparedVisit
    truth: Mask
    lesions: int

    @property
    def grid(self) -> Grid:
        """Of all arrays."""
        return self.visit.grid


def place_scores(answer: LesionAnswer, outcome: Outcome) -> dict[str, float]:
    """Overlap of the likeliest mask, and how well the chances tell places.

    `lesion f1` and `dice` count an empty forecast of nothing as 1. `per mask` figures are means
    over possible masks, each scored as if it were the forecast: what a diffusion model's samples
    are worth one by one. nan where a figure has no meaning for this patient.
    """
    truth, free, mask = outcome.truth, free_voxels(outcome.visit), answer.likeliest
    match = match_lesions(mask, truth)
    scores = {
        "dice": dice(mask, truth),
        "lesion f1": match.f1,
        "lesion sensitivity": match.sensitivity,
        "hd95 mm": hausdorff_95_mm(mask, truth, outcome.grid.spacing_mm),
        "voxel log-likelihood": voxel_log_likelihood(answer.chances, truth, free),
        # of all voxels together: a mean over so many shows no digits
        "log-likelihood, nats a patient": voxel_log_likelihood(answer.chances, truth, free)
        * int(free.sum()),
        "place log-likelihood": place_log_likelihood(answer.chances, truth, free),
        "place auroc": auroc(answer.chances[free], truth[free]) if truth.any() else float("nan"),
        "region count error": region_count_error(answer, outcome),
    }
    some = () if answer.masks is None else answer.masks[:_MASKS]
    for name, score in (("dice per mask", dice), ("lesion f1 per mask", _f1)):
        values = [score(m, truth) for m in some]
        scores[name] = float(np.mean(values)) if values else float("nan")
    for word, (found, there) in zip(
        ("small", "middling", "large"), _by_size(mask, outcome), strict=True
    ):
        scores[f"sensitivity, {word}"] = found / there if there else float("nan")
    return scores


def place_log_likelihood(
    chances: Float[np.ndarray, "depth height width"], truth: Mask, free: Mask
) -> float:
    """Mean log of a lesion voxel's share of all chances: places alone, whatever the count.

    nan where nothing came. The least share of a voxel is `LEAST_CHANCE` over their number.
    """
    if not truth.any():
        return float("nan")
    told = chances[free].astype(np.float64)
    told = told / told.sum() if told.sum() > 0 else told
    told = (1 - LEAST_CHANCE) * told + LEAST_CHANCE / len(told)
    return float(np.log(told[truth[free]]).mean())


def region_count_error(answer: LesionAnswer, outcome: Outcome) -> float:
    """Mean distance of expected from true lesions over the four regions."""
    regions = np.asarray(region_of(atlas_points(outcome.visit)))
    came = counts_by_region(outcome.truth, regions, REGIONS)
    total = float(answer.chances.sum(dtype=np.float64))
    shares = np.bincount(regions.ravel(), answer.chances.ravel(), minlength=len(REGIONS))
    expected = answer.expected_count * shares / total if total > 0 else 0 * shares
    return float(np.mean([abs(expected[k] - came[name]) for k, name in enumerate(REGIONS)]))


def _f1(mask: Mask, truth: Mask) -> float:
    return match_lesions(mask, truth).f1


def _by_size(mask: Mask, outcome: Outcome) -> list[tuple[int, int]]:
    return sensitivity_by_size(mask, outcome.truth, SIZE_EDGES_MM3, voxel_ml=outcome.grid.voxel_ml)
