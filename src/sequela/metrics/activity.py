"""Forecast chances of any new lesion against what came: ranking, error, calibration."""

import numpy as np
from jaxtyping import Bool, Float

Chances = Float[np.ndarray, " case"]
Came = Bool[np.ndarray, " case"]


def average_precision(scores: Chances, came: Came) -> float:
    """Area under precision over recall, by steps; cases with equal scores come together.

    A random ranking reaches the share of cases in which it came; nan where none did.
    """
    if not came.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(came[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    precision, recall = hits[last] / (last + 1), hits[last] / hits[-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def brier(chances: Chances, came: Came) -> float:
    """Mean squared distance of chances from what came: 0 is perfect, .25 is always saying half."""
    return float(((chances - came) ** 2).mean())


def uplift_curve(
    benefit: Chances, treated: Came, outcome: Chances
) -> tuple[Float[np.ndarray, " case"], Float[np.ndarray, " case"]]:
    """Average effect among those of whom most benefit was forecast, for growing shares of them.

    For patients whose treatment was drawn by lot.

    Args:
        benefit: Forecast lesions spared; who has most comes first.
        treated: Who was treated.
        outcome: Lesions that came.

    Returns:
        Shares of patients, and mean outcome of the untreated less that of the treated among them;
        nan while one of the arms is still empty.
    """
    order = np.argsort(-benefit, kind="stable")
    arm, came = treated[order], outcome[order]
    with np.errstate(invalid="ignore"):
        spared = np.cumsum(came * ~arm) / np.cumsum(~arm) - np.cumsum(came * arm) / np.cumsum(arm)
    return np.arange(1, len(arm) + 1) / len(arm), np.asarray(spared)


def autoc(benefit: Chances, treated: Came, outcome: Chances) -> float:
    """How much more those gain who come first: mean of the uplift curve above its end.

    0 for a ranking that tells nothing. Source: Yadlowsky et al., "Evaluating treatment
    prioritization rules via rank-weighted average treatment effects", arXiv:2111.07966.
    """
    _, spared = uplift_curve(benefit, treated, outcome)
    return float(np.nanmean(spared - spared[-1]))


def pehe(forecast: Chances, truth: Chances) -> float:
    """Root mean squared error of individual effects; needs both truths of every patient."""
    return float(np.sqrt(((forecast - truth) ** 2).mean()))
