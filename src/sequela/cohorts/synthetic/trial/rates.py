"""When lesions come to one patient: a Poisson process with frailty, age, season and selection."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sequela.cohorts.synthetic.trial.arms import Arm
from sequela.cohorts.synthetic.trial.design import TrialDesign
from sequela.cohorts.synthetic.trial.response import rate_factor, selection

_PEAK_OF_SEASON = 5.5 / 12  # of the year: mid June, the middle of March to August
_OLDEST = 2.2  # trials take patients of 18 to 55 years: standard deviations around their mean


@dataclass(frozen=True, kw_only=True, eq=False)
class Latents:
    """What nobody sees of a patient, and what follows from it.

    Attributes:
        frailty: Lesion rate against other patients of that age, mean 1.
        age_score: Standard normal.
        place: In the queue of responders, [0, 1]; low ones respond first.
        day: Of the year at baseline, as a share of it.
    """

    frailty: float
    age_score: float
    place: float
    day: float

    def rate(self, years: np.ndarray, design: TrialDesign) -> Float[np.ndarray, " time"]:
        """NET2 events a year without treatment, at times from baseline."""
        age = np.exp(-design.age_effect * self.age_score - design.age_effect**2 / 2)
        turn = 2 * np.pi * (self.day + years - _PEAK_OF_SEASON)
        season = 1 + design.season_swing * np.cos(turn)
        own = design.rate_per_year * self.frailty * age
        return np.asarray(own * season * selection(years, design))


@dataclass(frozen=True, kw_only=True, eq=False)
class Events:
    """Every NET2 event of the untreated patient, with the luck that treatments act on.

    Attributes:
        years: Onsets from baseline, rising.
        marks: In [0, 1]; an event happens under an arm when its mark is below the rate factor.
        enlarging: Whether an old lesion grows rather than a new one coming.
    """

    years: Float[np.ndarray, " event"]
    marks: Float[np.ndarray, " event"]
    enlarging: Bool[np.ndarray, " event"]

    def under(self, arm: Arm, place: float, years: float, design: TrialDesign) -> np.ndarray:
        """Indices of the events that happen under an arm until a time."""
        factor = rate_factor(arm, place, self.years, design)
        return np.flatnonzero((self.years < years) & (self.marks < factor))


def draw_events(latents: Latents, design: TrialDesign, rng: np.random.Generator) -> Events:
    """All events up to the design's horizon, by thinning."""
    grid = np.linspace(0, design.horizon_years, 400)
    ceiling = float(latents.rate(grid, design).max()) * 1.02
    count = rng.poisson(ceiling * design.horizon_years)
    years = np.sort(rng.uniform(0, design.horizon_years, count))
    years = years[rng.random(count) * ceiling < latents.rate(years, design)]
    return Events(
        years=years,
        marks=rng.random(len(years)),
        enlarging=rng.random(len(years)) < design.enlarging_share,
    )


def draw_age_score(rng: np.random.Generator) -> float:
    """Standard normal, kept to the ages that trials take."""
    while abs(score := float(rng.standard_normal())) > _OLDEST:
        pass
    return score
