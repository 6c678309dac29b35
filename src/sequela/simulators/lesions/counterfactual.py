"""Counterfactuals: the same patient under another treatment, with the same noise.

No treatment advice. What is compared are forecasts: arms that come from different trials are not
one randomisation, and nobody has seen the same patient under both treatments.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from sequela.core import InvalidInputError
from sequela.core.checks import check_share
from sequela.simulators.lesions.forecast import Forecast, Sampling, forecasts
from sequela.simulators.lesions.network import LesionForecaster
from sequela.simulators.lesions.prepare import PreparedVisit
from sequela.simulators.lesions.question import Question


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Two forecasts of one patient that differ by nothing but the treatment.

    Attributes:
        own: Under the treatment that was asked for.
        other: Under the other treatment, from the same noise.
    """

    own: Forecast
    other: Forecast

    @property
    def difference(self) -> Float[np.ndarray, "depth height width"]:
        """Chance of each voxel under the asked-for treatment less that under the other."""
        return np.asarray(self.own.chances - self.other.chances)

    @property
    def spared(self) -> Int[np.ndarray, " sample"]:
        """Lesions that the other treatment has more, sample by sample; negative where fewer."""
        return np.asarray(self.other.counts - self.own.counts)

    @property
    def expected_spared(self) -> float:
        """Mean of the lesions spared over the whole count distributions."""
        return self.other.expected_count - self.own.expected_count

    def spared_interval(self, level: float = 0.95) -> tuple[float, float]:
        """Central interval of the lesions spared."""
        check_share("level", level, above_zero=True)
        tail = 50 * (1 - level)
        low, high = np.percentile(self.spared, [tail, 100 - tail])
        return float(low), float(high)

    @property
    def rate_ratio(self) -> float:
        """Expected count against that under the other treatment; nan where that is 0."""
        below = self.other.expected_count
        return self.own.expected_count / below if below > 0 else float("nan")


def compare(
    network: LesionForecaster,
    visit: PreparedVisit,
    question: Question,
    versus: Sequence[str],
    sampling: Sampling | None = None,
) -> dict[str, Comparison]:
    """The patient's forecast against those under other treatments, by name of the other.

    All forecasts share their noise, sample by sample. At horizon 0 nothing has come under any
    treatment: every difference is exactly 0.

    Args:
        network: The trained forecaster.
        visit: The patient on the model's grid, see `places.place_visit`.
        question: Treatment, horizon and covariates.
        versus: Other treatments, out of `treatments()`.
        sampling: How forecasts are drawn.

    Raises:
        InvalidInputError: `versus` is empty.
        UnknownNameError: A treatment is not known; near misses are suggested.
    """
    if not versus:
        raise InvalidInputError("`versus` must name at least one other treatment, got none.")
    others = [replace(question, treatment=name) for name in versus]
    own, *rest = forecasts(network, visit, [question, *others], sampling)
    return {other.question.treatment: Comparison(own=own, other=other) for other in rest}
