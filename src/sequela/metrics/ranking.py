"""How well scores tell two kinds of cases apart."""

import numpy as np
from jaxtyping import Bool, Float, Int, Num
from scipy.stats import rankdata


def auroc(scores: Num[np.ndarray, " case"], ill: Bool[np.ndarray, " case"]) -> float:
    """Chance that an ill case scores above a healthy one; nan where one kind is missing."""
    sick, well = int(ill.sum()), int((~ill).sum())
    if not sick or not well:
        return float("nan")
    return float((rankdata(scores)[ill].sum() - sick * (sick + 1) / 2) / (sick * well))


def weighted_auroc(
    scores: Num[np.ndarray, " case"],
    ill: Bool[np.ndarray, " case"],
    weights: Float[np.ndarray, " case"],
) -> float:
    """The AUROC of cases that count more or less; ties count half, nan where one kind is missing.

    Args:
        scores: Higher is more like the ill.
        ill: Which cases are.
        weights: How much each counts, >= 0; whole numbers repeat cases.
    """
    _, places = np.unique(scores, return_inverse=True)
    return placed_auroc(places, ill, weights)


def placed_auroc(
    places: Int[np.ndarray, " case"],
    ill: Bool[np.ndarray, " case"],
    weights: Float[np.ndarray, " case"],
) -> float:
    """The same from each score's place among all, for many draws of the same scores."""
    sick_at, well_at = np.bincount(places, weights * ill), np.bincount(places, weights * ~ill)
    total = float(sick_at.sum() * well_at.sum())
    below = np.cumsum(well_at) - well_at
    return float((sick_at * (below + 0.5 * well_at)).sum()) / total if total else float("nan")
