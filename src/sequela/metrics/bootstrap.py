"""Intervals that draw whole patients: two images of one patient are no two pieces of evidence.

All are 95 % percentile intervals, expanded for the number of patients: plain ones are too narrow
for few, as a normal interval is where a t interval is due. Of one patient there is none (nan).

Source: Hesterberg, "What Teachers Should Know about the Bootstrap", arXiv:1411.5279, on expanded
percentile intervals; for pairs, Bolle et al., "Error Analysis of Pattern Recognition Systems: the
Subsets Bootstrap", 2004.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from scipy.stats import norm
from scipy.stats import t as student

from sequela.core import InvalidInputError
from sequela.core.checks import check_count

DRAWS = 2000

Statistic = Callable[[np.ndarray], float]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure with its 95 % interval.

    Attributes:
        value: Of the cases as they are.
        low: Lower end; nan where no draw gave a figure, and of one patient.
        high: Upper end.
        cases: How many it rests on.
        patients: How many patients these are of.
    """

    value: float
    low: float
    high: float
    cases: int
    patients: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def patient_interval(
    statistic: Statistic,
    patients: Shaped[np.ndarray, " case"],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % bootstrap interval of a statistic of case indices, drawn by patient; nan of one patient.

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
    return _middle(values, len(cases))


def estimate(
    statistic: Statistic,
    patients: Shaped[np.ndarray, " case"],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate:
    """A statistic of all cases with its interval; see `patient_interval`.

    Raises:
        InvalidInputError: There is no case.
    """
    if not len(patients):
        raise InvalidInputError("`patients` must name at least one case, got none.")
    low, high = patient_interval(statistic, patients, draws=draws, seed=seed)
    return Estimate(
        value=statistic(np.arange(len(patients))),
        low=low,
        high=high,
        cases=len(patients),
        patients=len(np.unique(patients)),
    )


def mean_estimate(
    values: Float[np.ndarray, " case"],
    patients: Shaped[np.ndarray, " case"],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Estimate:
    """The mean with its interval; nan values are left out and not counted.

    A paired difference is the mean of the differences, case by case.
    """
    told = ~np.isnan(values)
    kept = values[told]
    return estimate(lambda i: float(kept[i].mean()), patients[told], draws=draws, seed=seed)


def pair_interval(
    statistic: Callable[[Float[np.ndarray, " pair"]], float],
    first: Shaped[np.ndarray, " pair"],
    second: Shaped[np.ndarray, " pair"],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % bootstrap interval of a statistic of pairs, each of one or two patients.

    A patient who is drawn twice brings the own pairs twice, and those with others as often as both
    are drawn. Pairs of a patient with another copy of the same draw do not exist.

    Args:
        statistic: Takes one weight for each pair, whole numbers >= 0; nan results are left out.
        first: Patient of the first image of each pair.
        second: Patient of the second.
        draws: Bootstrap samples.
        seed: Of the draws.
    """
    check_count("draws", draws)
    generator = np.random.default_rng(seed)
    names, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    one, two = places[: len(first)], places[len(first) :]
    values = []
    for _ in range(draws):
        times = np.bincount(generator.integers(len(names), size=len(names)), minlength=len(names))
        values.append(statistic(np.where(one == two, times[one], times[one] * times[two]) * 1.0))
    return _middle(values, len(names))


def _middle(values: list[float], patients: int) -> tuple[float, float]:
    told = np.asarray(values)[~np.isnan(values)]
    if not len(told) or patients < 2:
        return float("nan"), float("nan")
    wider = np.sqrt(patients / (patients - 1)) * student.ppf(0.025, patients - 1)
    tail = 100 * float(norm.cdf(wider))
    low, high = np.percentile(told, [tail, 100 - tail])
    return float(low), float(high)
