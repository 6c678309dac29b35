"""Forecast lesion counts against true ones: error, CRPS, deviance, coverage of intervals.

A forecast is either samples of the count or the chance of 0, 1, 2 ...
"""

import numpy as np
from jaxtyping import Bool, Float, Int, Num
from scipy.special import xlogy

from sequela.core import InvalidInputError
from sequela.core.checks import check_positive, check_share

Found = Int[np.ndarray, " case"]
Samples = Int[np.ndarray, "case sample"]
Chances = Float[np.ndarray, "case count"]
_SUM_WITHIN = 1e-3


def chances_of(samples: Samples, largest: int | None = None) -> Chances:
    """The share of samples with each count, by case.

    Args:
        samples: Whole numbers >= 0.
        largest: Highest count that gets a column; all beyond are put there.
    """
    top = int(samples.max()) if largest is None else largest
    table = np.zeros((len(samples), top + 1))
    rows = np.repeat(np.arange(len(samples)), samples.shape[1])
    np.add.at(table, (rows, np.minimum(samples, top).ravel()), 1.0)
    return np.asarray(table / samples.shape[1])


def absolute_errors(forecast: Num[np.ndarray, " case"], found: Found) -> Float[np.ndarray, " case"]:
    """Distance of each forecast from what came; their mean is the MAE. The median is best."""
    return np.asarray(np.abs(forecast - found), np.float64)


def log_errors(forecast: Num[np.ndarray, " case"], found: Found) -> Float[np.ndarray, " case"]:
    """Distance between log(1 + count): ten for nine and one for nought weigh alike."""
    return np.asarray(np.abs(np.log1p(forecast) - np.log1p(found)), np.float64)


def negative_binomial_deviances(
    mean: Float[np.ndarray, " case"], found: Found, *, shape: float
) -> Float[np.ndarray, " case"]:
    """Twice the log likelihood lost against a perfect mean, for counts of some gamma shape.

    Args:
        mean: Forecast means, > 0.
        found: What came.
        shape: Of the gamma-Poisson, such as .6 for placebo arms.
    """
    check_positive("shape", shape)
    if not (mean > 0).all():
        raise InvalidInputError(
            f"`mean` must be above 0, got {mean.min():g}. A forecast of exactly nothing is "
            "infinitely wrong when a lesion comes."
        )
    spread = (found + shape) * np.log((found + shape) / (mean + shape))
    return np.asarray(2 * (xlogy(found, found / mean) - spread))


def crps(chances: Chances, found: Found) -> Float[np.ndarray, " case"]:
    """Continuous ranked probability score of count distributions; 0 is perfect, lower is better.

    For a forecast that is sure of one count it is the absolute error. Source: Gneiting and
    Raftery, "Strictly Proper Scoring Rules", JASA 2007, in the form for whole numbers.
    """
    table = _wide_enough(_checked(chances), found)
    below = np.cumsum(table, axis=1)
    came = np.arange(table.shape[1]) >= found[:, None]
    return np.asarray(((below - came) ** 2).sum(1))


def intervals(
    chances: Chances, level: float
) -> tuple[Int[np.ndarray, " case"], Int[np.ndarray, " case"]]:
    """Central intervals of count distributions that hold at least `level`."""
    check_share("level", level, above_zero=True)
    below = np.cumsum(_checked(chances), axis=1)
    tail = (1 - level) / 2
    last = chances.shape[1] - 1
    low = (below <= tail + 1e-12).sum(1)
    high = (below < 1 - tail - 1e-12).sum(1)
    return np.minimum(low, last), np.minimum(high, last)


def covered(chances: Chances, found: Found, level: float) -> Bool[np.ndarray, " case"]:
    """Whether the central interval holds what came.

    Counts are whole, so an honest interval covers at least its level; see `coverage_chance` for
    how often it should.
    """
    low, high = intervals(chances, level)
    return np.asarray((low <= found) & (found <= high))


def coverage_chance(chances: Chances, level: float) -> Float[np.ndarray, " case"]:
    """How often the central interval holds the count if the forecast is right: `level` or more."""
    low, high = intervals(chances, level)
    column = np.arange(chances.shape[1])
    within = (column >= low[:, None]) & (column <= high[:, None])
    return np.asarray((chances * within).sum(1))


def median_of(chances: Chances) -> Int[np.ndarray, " case"]:
    """The middle count of each distribution: the forecast with the least absolute error."""
    return np.asarray((np.cumsum(_checked(chances), axis=1) < 0.5 - 1e-12).sum(1))


def _wide_enough(table: Chances, found: Found) -> Float[np.ndarray, "case wider"]:
    missing = int(found.max(initial=0)) + 1 - table.shape[1]
    return np.pad(table, ((0, 0), (0, max(missing, 0))))


def _checked(chances: Chances) -> Chances:
    sums = chances.sum(1)
    if not ((chances >= 0).all() and np.abs(sums - 1).max(initial=0) < _SUM_WITHIN):
        raise InvalidInputError(
            f"`chances` must be at least 0 and sum to 1 by case, got sums of {sums.min():g} to "
            f"{sums.max():g}."
        )
    return chances
