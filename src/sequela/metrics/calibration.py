"""Calibration: from a ranking score to a probability, and how far a probability can be believed.

Source: Platt, "Probabilistic Outputs for Support Vector Machines", 1999; Guo et al., "On
Calibration of Modern Neural Networks", ICML 2017, arXiv:1706.04599.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import minimize

from sequela.core import InvalidInputError
from sequela.core.checks import check_count


@dataclass(frozen=True, kw_only=True)
class Platt:
    """probability = sigmoid(slope x logit + offset)."""

    slope: float = 1.0
    offset: float = 0.0

    @classmethod
    def fit(cls, logits: Float[np.ndarray, " case"], ill: Bool[np.ndarray, " case"]) -> "Platt":
        """The most likely slope and offset, with Platt's softened labels against overconfidence.

        Raises:
            InvalidInputError: One of the classes is missing.
        """
        sick, well = int(ill.sum()), int((~ill).sum())
        if not sick or not well:
            raise InvalidInputError(
                f"`ill` must hold both classes, got {sick} ill and {well} others. "
                "A probability cannot be fitted to one class."
            )
        target = np.where(ill, (sick + 1) / (sick + 2), 1 / (well + 2))

        def loss(values: Float[np.ndarray, " two"]) -> float:
            shown = values[0] * logits + values[1]
            return float(np.mean(np.logaddexp(0, shown) - target * shown))

        found = minimize(loss, np.array([1.0, 0.0]), method="BFGS").x
        return cls(slope=float(found[0]), offset=float(found[1]))

    def __call__(self, logits: Float[np.ndarray, " case"]) -> Float[np.ndarray, " case"]:
        """Probabilities in [0, 1]."""
        shown = self.slope * np.asarray(logits, np.float64) + self.offset
        return np.asarray(0.5 * (1 + np.tanh(0.5 * shown)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Reliability:
    """Predicted against observed, in bins of equal numbers of cases.

    Attributes:
        predicted: Mean probability in each bin.
        observed: Share of ill cases in each bin.
        cases: How many cases each bin holds.
    """

    predicted: Float[np.ndarray, " bin"]
    observed: Float[np.ndarray, " bin"]
    cases: Float[np.ndarray, " bin"]

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of observed from predicted, [0, 1]."""
        distance = np.abs(self.predicted - self.observed)
        return float((self.cases * distance).sum() / self.cases.sum())


def reliability(
    probabilities: Float[np.ndarray, " case"], ill: Bool[np.ndarray, " case"], *, bins: int = 10
) -> Reliability:
    """The reliability curve of probabilities."""
    check_count("bins", bins)
    parts = [part for part in np.array_split(np.argsort(probabilities), bins) if len(part)]
    return Reliability(
        predicted=np.array([probabilities[part].mean() for part in parts], np.float64),
        observed=np.array([ill[part].mean() for part in parts], np.float64),
        cases=np.array([len(part) for part in parts], np.float64),
    )
