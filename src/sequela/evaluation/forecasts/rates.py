"""Does a forecast slow a treated patient's disease as much as the treatment truly does?"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sequela.core.errors import InvalidInputError
from sequela.metrics import Estimate, estimate


@dataclass(frozen=True, kw_only=True)
class RateRatio:
    """Mean growth under treatment as a share of that without.

    Attributes:
        made: Of forecasts, with its interval.
        real: Of what came, or of the truth, in the same patients.
        made_over_real: One over the other, the interval over both at once: the same patients are
            drawn for both, for a few fast ones move both alike.
    """

    made: Estimate
    real: Estimate
    made_over_real: Estimate

    @property
    def is_recovered(self) -> bool:
        """Whether the interval of forecast over truth holds 1."""
        return self.made_over_real.low <= 1 <= self.made_over_real.high


def rate_ratio(
    made: Float[np.ndarray, " patient"],
    real: Float[np.ndarray, " patient"],
    is_treated: Bool[np.ndarray, " patient"],
    *,
    draws: int = 2000,
) -> RateRatio:
    """The ratio of mean growth, treated against untreated patients, of forecasts and of the truth.

    Args:
        made: Growth a year of each patient's forecast.
        real: Growth a year that came.
        is_treated: Who was treated.
        draws: Of the bootstrap, by patient.

    Raises:
        InvalidInputError: One arm is empty.
    """
    if is_treated.all() or not is_treated.any():
        raise InvalidInputError("`is_treated` must hold patients of both arms, got one arm only.")

    def ratio(rates: np.ndarray, index: np.ndarray) -> float:
        arm = is_treated[index]
        if arm.all() or not arm.any():
            return float("nan")
        return float(rates[index][arm].mean() / rates[index][~arm].mean())

    everyone = np.arange(len(made))
    return RateRatio(
        made=estimate(lambda index: ratio(made, index), everyone, draws=draws),
        real=estimate(lambda index: ratio(real, index), everyone, draws=draws),
        made_over_real=estimate(
            lambda index: ratio(made, index) / ratio(real, index), everyone, draws=draws
        ),
    )
