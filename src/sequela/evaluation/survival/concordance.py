"""Harrell's C-index: how often the patient with the higher risk dies first."""

import numpy as np
from jaxtyping import Float

from sequela.evaluation.survival.outcomes import Outcomes
from sequela.metrics import Estimate, estimate


def concordance(
    risk: Float[np.ndarray, " patient"], outcomes: Outcomes, *, fold: np.ndarray | None = None
) -> float:
    """C-index, .5 for chance and 1 for perfect order; nan without a comparable pair.

    Args:
        risk: Higher for patients who should die sooner; ties count one half.
        outcomes: Of the same patients.
        fold: Compares only patients of one fold, whose risks come from one model.

    Source: Harrell et al., "Evaluating the Yield of Medical Tests", JAMA 247 (1982).
    """
    time, died = outcomes.time_years, outcomes.died
    # a censored patient outlives a death at the same time
    later = (time[None] > time[:, None]) | ((time[None] == time[:, None]) & ~died[None])
    pairs = later & died[:, None]
    if fold is not None:
        pairs &= fold[None] == fold[:, None]
    right = (risk[:, None] > risk[None]) + 0.5 * (risk[:, None] == risk[None])
    return float(right[pairs].mean()) if pairs.any() else float("nan")


def concordance_estimate(
    risk: Float[np.ndarray, " patient"],
    outcomes: Outcomes,
    *,
    fold: np.ndarray | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """The C-index with its bootstrap interval over patients, the models held as fitted."""

    def of(which: np.ndarray) -> float:
        held = None if fold is None else fold[which]
        return concordance(risk[which], outcomes.only(which), fold=held)

    return estimate(of, np.arange(len(outcomes)), draws=draws, seed=seed)


def concordance_difference(
    risk: Float[np.ndarray, " patient"],
    other: Float[np.ndarray, " patient"],
    outcomes: Outcomes,
    *,
    fold: np.ndarray | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Estimate:
    """C-index of `risk` minus that of `other`, with its interval from the same drawn patients."""

    def of(which: np.ndarray) -> float:
        drawn, held = outcomes.only(which), None if fold is None else fold[which]
        return concordance(risk[which], drawn, fold=held) - concordance(
            other[which], drawn, fold=held
        )

    return estimate(of, np.arange(len(outcomes)), draws=draws, seed=seed)
