"""Outcomes: what happened to each patient, and what the chart says of them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sequela.core.errors import InvalidInputError

CHART = ("age", "male", "smoking")


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """Follow-up of patients in one order.

    Attributes:
        time_years: From the date from which on risk is counted, > 0.
        died: Whether death ended the follow-up; otherwise it was censored.
        chart: Age in years, male and smoking as 0 or 1; columns as `CHART`.
    """

    time_years: Float[np.ndarray, " patient"]
    died: Bool[np.ndarray, " patient"]
    chart: Float[np.ndarray, "patient 3"]

    def __post_init__(self) -> None:
        if not (len(self.time_years) == len(self.died) == len(self.chart)):
            raise InvalidInputError(
                "`time_years`, `died` and `chart` must be one for each patient, got "
                f"{len(self.time_years)}, {len(self.died)} and {len(self.chart)}."
            )
        if not (np.isfinite(self.time_years).all() and (self.time_years > 0).all()):
            raise InvalidInputError(
                "`time_years` must be finite and above 0. Count it from the last scan that the "
                "model sees, and leave out patients without follow-up after it."
            )

    def __len__(self) -> int:
        return len(self.time_years)

    def only(self, which: np.ndarray) -> "Outcomes":
        """Those of some patients, by index or mask."""
        return Outcomes(
            time_years=self.time_years[which], died=self.died[which], chart=self.chart[which]
        )


def folds_of(died: Bool[np.ndarray, " patient"], count: int, seed: int) -> np.ndarray:
    """A fold for each patient, deaths spread evenly.

    Raises:
        InvalidInputError: There are fewer deaths than folds.
    """
    if int(died.sum()) < count:
        raise InvalidInputError(
            f"`folds` must not exceed the number of deaths, got {count} for {int(died.sum())}."
        )
    order = np.random.default_rng(seed).permutation(len(died))
    order = order[np.argsort(~died[order], kind="stable")]
    fold = np.empty(len(died), int)
    fold[order] = np.arange(len(died)) % count
    return fold
