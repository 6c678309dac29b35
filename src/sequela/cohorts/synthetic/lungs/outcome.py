"""Who the patient is, when scans are taken and when death comes."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sequela.cohorts.synthetic.lungs.design import LungDesign
from sequela.cohorts.synthetic.lungs.growth import Growth

_GRID_YEARS = 1 / 52


@dataclass(frozen=True, kw_only=True)
class Covariates:
    """What the chart says at baseline.

    Attributes:
        age_years: 45 to 88.
        sex: `F` or `M`.
        smoking: Whether the patient ever smoked.
    """

    age_years: float
    sex: str
    smoking: bool


class Survival(NamedTuple):
    """Follow-up from baseline.

    Two scans are needed to be in the cohort, so nobody dies before the second: count time from
    there (`LungPatient.landmark`) when a model of survival is fitted.
    """

    time_years: float
    event: bool  # death; otherwise censored


def draw_covariates(rng: np.random.Generator) -> Covariates:
    """A patient of a fibrosis clinic: old, often male, often a former smoker."""
    age, male, smoking = rng.normal(68, 8), rng.random() < 0.65, rng.random() < 0.6
    return Covariates(
        age_years=round(float(np.clip(age, 45, 88)), 1),
        sex="M" if male else "F",
        smoking=bool(smoking),
    )


def draw_visits(rng: np.random.Generator, design: LungDesign) -> np.ndarray:
    """Irregular scan dates in years from baseline, rising, the first 0, at least .25 apart."""
    low, high = design.visits
    gaps = rng.gamma(3.0, 1 / 3.0, high - 1)
    mean = rng.uniform(0.4, 1.2)
    years = np.concatenate([[0.0], np.cumsum(np.maximum(mean * gaps, 0.25))])
    count = int(rng.integers(low, high + 1))
    kept = years[:count][years[:count] <= design.horizon_years]
    return np.round(kept if len(kept) >= 2 else np.array([0.0, 1.0]), 3)


def log_hazard_ratio(
    years: np.ndarray, growth: Growth, covariates: Covariates, design: LungDesign
) -> np.ndarray:
    """Log hazard against the design's reference patient, at times from baseline."""
    fixed = design.log_hazard_rate * (growth.rate - 0.04) / 0.02
    fixed += design.log_hazard_age * (covariates.age_years - 68) / 10
    fixed += design.log_hazard_male * (covariates.sex == "M")
    fixed += design.log_hazard_smoking * covariates.smoking
    return np.asarray(design.log_hazard_extent * (growth.extent(years) - 0.2) / 0.1 + fixed)


def draw_survival(
    rng: np.random.Generator,
    growth: Growth,
    covariates: Covariates,
    design: LungDesign,
    *,
    alive_until: float,
) -> Survival:
    """Death by the hazard on true extent and rate, unless the study or the patient ends first."""
    luck, lost = rng.exponential(), rng.exponential(1 / max(design.lost_per_year, 1e-9))
    end = max(rng.uniform(*design.end_years), alive_until + 0.1)
    years = alive_until + np.arange(0, 40, _GRID_YEARS)
    hazard = design.base_hazard * np.exp(log_hazard_ratio(years, growth, covariates, design))
    risk = np.concatenate([[0.0], np.cumsum(hazard[:-1])]) * _GRID_YEARS
    # a day at least: nobody dies on the way home from the scan
    death = max(float(np.interp(luck, risk, years)), alive_until + 1 / 365)
    censored = min(end, alive_until + 1 / 365 + lost)
    return Survival(time_years=round(min(death, censored), 4), event=bool(death <= censored))
