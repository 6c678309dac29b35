"""The three laws by which fibrosis grows, each with the patient's own numbers."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from sequela.cohorts.synthetic.lungs.design import LAWS, RATES, LungDesign
from sequela.core.checks import check_choice

Years = Float[np.ndarray, "*time"] | float


@dataclass(frozen=True, kw_only=True)
class Growth:
    """One patient's course.

    Attributes:
        law: `linear`, `logistic` or `stepwise`.
        first: Extent at baseline.
        rate: Slope of the linear law, steepest slope of the logistic one, long-run mean slope of
            the stepwise one: extent a year, under the arm that is given.
        ceiling: Extent never reached.
        step_every: Years between flares, of the stepwise law.
        step_first: Years from baseline to the first flare, of the stepwise law.
        step_lasts: Years that a flare takes.
    """

    law: str
    first: float
    rate: float
    ceiling: float = 0.7
    step_every: float = 1.0
    step_first: float = 0.5
    step_lasts: float = 0.08

    def __post_init__(self) -> None:
        check_choice("law", self.law, LAWS)

    def extent(self, years: Years) -> Float[np.ndarray, "*time"]:
        """Share of the lungs that is fibrotic, at times from baseline."""
        time = np.asarray(years, np.float64)
        if self.law == "logistic":
            pace = 4 * self.rate / self.ceiling
            odds = self.ceiling / self.first - 1
            return np.asarray(self.ceiling / (1 + odds * np.exp(-pace * time)))
        gained = self.rate * (time if self.law == "linear" else self._flares(time))
        return np.clip(self.first + gained, 0, self.ceiling)

    def slowed(self, ratio: float) -> "Growth":
        """The same course at a share of its rate; flares come as often and weigh less."""
        return replace(self, rate=self.rate * ratio)

    def _flares(self, time: np.ndarray) -> np.ndarray:
        """Years' worth of growth that flares have brought since baseline."""
        count = (time - self.step_first) / self.step_every
        done = np.floor(count)
        share = np.clip((count - done) * self.step_every / self.step_lasts, 0, 1)
        return np.asarray((done + share * share * (3 - 2 * share)) * self.step_every)


def draw_growth(rng: np.random.Generator, design: LungDesign, *, law: str | None = None) -> Growth:
    """An untreated course; the law by lot unless told."""
    lot = LAWS[int(rng.integers(len(LAWS)))]
    law = law or lot
    firsts = design.first_extent_logistic if law == "logistic" else design.first_extent
    every = float(rng.uniform(*design.step_every_years))
    return Growth(
        law=law,
        first=float(rng.uniform(*firsts)),
        rate=float(rng.uniform(*RATES[design.rates])),
        ceiling=design.ceiling,
        step_every=every,
        # after the last flare has ended: at baseline the extent is `first`
        step_first=float(rng.uniform(0.05, every - design.step_lasts_years)),
        step_lasts=design.step_lasts_years,
    )
