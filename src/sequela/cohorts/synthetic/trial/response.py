"""How a treatment lowers one patient's lesion rate: a mixture of full and partial responders.

A plain rate factor keeps the shape of the counts, but trials show treated arms with a mean of 2.5
and a median of 0: some patients stop having lesions and others hardly respond. Every patient has
one place in the queue of responders, the same for all arms: who responds to an arm responds to
every stronger one, so that truth is monotone. Real patients may well differ; nobody can know.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr
from scipy.stats import norm

from sequela.cohorts.synthetic.trial.arms import PLACEBO, Arm
from sequela.cohorts.synthetic.trial.design import TrialDesign

_TARGET_YEARS = 2.0  # the span that published rate ratios are about
_WEEKS_PER_YEAR = 365.25 / 7
Years = Float[np.ndarray, " time"]


def ramp(years: Years, design: TrialDesign) -> Years:
    """How much of a treatment's effect is there, 0 at its start, 1 after `ramp_weeks`."""
    share = np.clip(years * _WEEKS_PER_YEAR / design.ramp_weeks, 0, 1)
    return np.asarray((1 - np.cos(np.pi * share)) / 2)


def selection(years: Years, design: TrialDesign) -> Years:
    """Rate over time against its mean over two years; before the trial as at its start."""
    a, tau = design.selection_excess, design.selection_years
    mean = 1 + a * tau * (1 - np.exp(-_TARGET_YEARS / tau)) / _TARGET_YEARS
    return np.asarray((1 + a * np.exp(-np.maximum(years, 0) / tau)) / mean)


@lru_cache(maxsize=64)
def steady_ratio(arm: Arm, design: TrialDesign) -> float:
    """Rate ratio once the treatment works in full, such that two years give the arm's ratio."""
    years = np.linspace(0, _TARGET_YEARS, 4001)
    works = float(np.mean(selection(years, design) * ramp(years, design)))
    return max(0.0, 1 - (1 - arm.rate_ratio) / works)


@lru_cache(maxsize=64)
def responders(arm: Arm, design: TrialDesign) -> tuple[float, float]:
    """Share of full responders, and the rate of the others.

    The share is set so that the mean *rate* of the arm is right, although responders are younger
    and would have had more lesions than others: the closed form of a log-normal tilt.
    """
    ratio = steady_ratio(arm, design)
    partial, full = ratio**design.partial_power, design.responder_factor
    if arm.name == PLACEBO or partial >= 1:
        return 0.0, 1.0
    wanted = min(1.0, (partial - ratio) / (partial - full))
    tilt = design.response_age_correlation * design.age_effect
    return float(norm.cdf(norm.ppf(wanted) - tilt)), partial


def rate_factor(arm: Arm, place: float, years: Years, design: TrialDesign) -> Years:
    """The patient's rate under an arm against placebo, at times since its start.

    Args:
        arm: The treatment.
        place: The patient's place in the queue of responders, [0, 1]; low ones respond first.
        years: Since the start of treatment, >= 0.
        design: What was planted.
    """
    share, partial = responders(arm, design)
    steady = design.responder_factor if place < share else partial
    return np.asarray(1 - (1 - steady) * ramp(years, design))


def responder_place(
    age_score: float, own: float | np.ndarray, design: TrialDesign
) -> float | np.ndarray:
    """Place in the queue from age and luck, both standard normal; uniform over patients."""
    weight = design.response_age_correlation
    place: float | np.ndarray = ndtr(weight * age_score + np.sqrt(1 - weight**2) * own)
    return place


def planted_zero_share(arm: Arm, design: TrialDesign, years: float = _TARGET_YEARS) -> float:
    """Expected share of patients without a NET2 event, by integration over patients."""
    times = np.linspace(0, years, 401)
    base = selection(times, design)
    share, partial = responders(arm, design)
    ages = norm.ppf((np.arange(200) + 0.5) / 200)
    rates = design.rate_per_year * np.exp(-design.age_effect * ages - design.age_effect**2 / 2)
    weight = design.response_age_correlation
    chance = norm.cdf((norm.ppf(share) - weight * ages) / np.sqrt(1 - weight**2))
    none = np.zeros_like(ages)
    for factor, part in ((design.responder_factor, chance), (partial, 1 - chance)):
        kept = 1 - (1 - factor) * ramp(times, design)
        mean = rates * years * float(np.mean(base * kept))
        none += part * (1 + mean / design.frailty_shape) ** -design.frailty_shape
    return float(none.mean())
