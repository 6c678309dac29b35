"""AUROC and intervals that draw whole patients."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Num
from scipy.stats import rankdata

from sequela.core.checks import check_count


def auroc(scores: Num[np.ndarray, " case"], ill: Bool[np.ndarray, " case"]) -> float:
    """Chance that an ill case scores above a healthy one; nan where one kind is missing."""
    sick, well = int(ill.sum()), int((~ill).sum())
    if not sick or not well:
        return float("nan")
    return float((rankdata(scores)[ill].sum() - sick * (sick + 1) / 2) / (sick * well))


def patient_interval(
    statistic: Callable[[np.ndarray], float],
    patients: np.ndarray,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % bootstrap interval of a statistic of case indices, drawn by patient.

    Args:
        statistic: Takes indices, with repeats; nan results are left out.
        patients: Who each case is of.
        draws: Bootstrap samples.
        seed: Of the draws.
    """
    check_count("draws", draws)
    generator = np.random.default_rng(seed)
    cases = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    values = []
    for _ in range(draws):
        chosen = generator.integers(len(cases), size=len(cases))
        values.append(statistic(np.concatenate([cases[i] for i in chosen])))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)
