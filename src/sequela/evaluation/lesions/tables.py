"""Scores of many patients as figures with intervals, one forecaster beside the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from sequela.metrics import Estimate, estimate, mean_estimate
from sequela.metrics.activity import average_precision, brier
from sequela.metrics.calibration import reliability
from sequela.metrics.counts import (
    absolute_errors,
    coverage_chance,
    covered,
    crps,
    log_errors,
    median_of,
    negative_binomial_deviances,
)
from sequela.metrics.ranking import auroc
from sequela.simulators.baselines.lesion_answer import LesionAnswer

_SHAPE = 0.6  # of the deviance: that of placebo arms
_LEAST_MEAN = 0.01  # a forecast of exactly nothing is taken as this many lesions
LEVELS = (0.8, 0.95)


@dataclass(kw_only=True)
class Scored:
    """One forecaster's answers, patient by patient.

    Attributes:
        places: Scores of `place_scores`.
        count_chances: Of 0, 1, 2 ... lesions.
    """

    places: list[dict[str, float]] = field(default_factory=list)
    count_chances: list[Float[np.ndarray, " count"]] = field(default_factory=list)

    def add(self, answer: LesionAnswer, places: Mapping[str, float]) -> None:
        """One more patient."""
        self.places.append(dict(places))
        self.count_chances.append(answer.count_chances)


def figures(scored: Scored, lesions: Int[np.ndarray, " case"]) -> dict[str, Estimate]:
    """Every figure of one forecaster, with 95 % intervals over patients.

    Args:
        scored: The answers.
        lesions: That came to each patient.
    """
    who = np.arange(len(lesions))
    rows = {**place_columns(scored), **count_columns(scored, lesions)}
    table = {name: mean_estimate(values, who) for name, values in rows.items()}
    return table | _activity(scored, lesions)


def place_columns(scored: Scored) -> dict[str, Float[np.ndarray, " case"]]:
    """Scores of places by name, one value a patient; those that no patient has are left out."""
    names = scored.places[0] if scored.places else {}
    columns = {n: np.array([row[n] for row in scored.places], float) for n in names}
    return {name: values for name, values in columns.items() if not np.isnan(values).all()}


def count_columns(
    scored: Scored, lesions: Int[np.ndarray, " case"]
) -> dict[str, Float[np.ndarray, " case"]]:
    """Scores of counts by name, one value a patient."""
    chances = stacked(scored.count_chances)
    mean = chances @ np.arange(chances.shape[1])
    middle = median_of(chances)
    columns = {
        "count mae": absolute_errors(middle, lesions),
        "count log-mae": log_errors(middle, lesions),
        "count deviance": negative_binomial_deviances(
            np.maximum(mean, _LEAST_MEAN), lesions, shape=_SHAPE
        ),
        "count crps": crps(chances, lesions),
    }
    for level in LEVELS:
        columns[f"coverage {level:.0%}"] = covered(chances, lesions, level).astype(float)
        columns[f"coverage {level:.0%} due"] = coverage_chance(chances, level)
    return columns


def paired(
    first: Mapping[str, Float[np.ndarray, " case"]],
    second: Mapping[str, Float[np.ndarray, " case"]],
    names: Sequence[str],
) -> dict[str, Estimate]:
    """Mean differences first - second over the same patients, with intervals."""
    return {
        name: mean_estimate(first[name] - second[name], np.arange(len(first[name])))
        for name in names
        if name in first and name in second
    }


def stacked(rows: Sequence[Float[np.ndarray, " count"]]) -> Float[np.ndarray, "case count"]:
    """Count distributions of different lengths as one table whose rows sum to 1."""
    widest = max(len(row) for row in rows)
    table = np.stack([np.pad(row, (0, widest - len(row))) for row in rows]).astype(np.float64)
    return np.asarray(table / table.sum(1, keepdims=True))


def as_markdown(table: Mapping[str, Mapping[str, Estimate]]) -> str:
    """Forecasters as rows, figures as columns."""
    names = list(dict.fromkeys(name for row in table.values() for name in row))
    lines = ["| forecaster | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for who, row in table.items():
        cells = [str(row[name]) if name in row else "" for name in names]
        lines.append(f"| {who} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _activity(scored: Scored, lesions: np.ndarray) -> dict[str, Estimate]:
    chances = np.array([1 - row[0] for row in scored.count_chances])
    came, who = lesions > 0, np.arange(len(lesions))
    wanted = {
        "activity auroc": lambda i: auroc(chances[i], came[i]),
        "activity average precision": lambda i: average_precision(chances[i], came[i]),
        "activity brier": lambda i: brier(chances[i], came[i]),
        "activity ece": lambda i: reliability(chances[i], came[i], bins=5).error,
    }
    return {name: estimate(statistic, who) for name, statistic in wanted.items()}
