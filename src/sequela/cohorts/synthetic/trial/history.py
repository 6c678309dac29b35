"""The lesions a patient brings to the trial, from the years before it."""

import numpy as np

from sequela.cohorts.synthetic.trial.design import TrialDesign
from sequela.cohorts.synthetic.trial.lesions import Lesions, draw_lesions
from sequela.cohorts.synthetic.trial.prior import load_prior
from sequela.cohorts.synthetic.trial.rates import Latents

Many = float | np.ndarray
# the 13 real maps hold 8 to 208 lesions of 9 mm3 or more and 0.3 to 52 mL; the values below were
# set by eye until quartiles agreed with real ones, those of the 12 other maps included
FEWEST, _TYPICAL = 3, 95.0
_TYPICAL_DURATION = 6.0
_SCATTER = 0.5  # log standard deviation of counts that neither rate nor duration explains
RECENT_YEARS = 12 * 7 / 365.25
_MEDIAN_MM3, _SIGMA = 110.0, 1.4  # old lesions: some have flown together
_LOAD_SCATTER = 0.5  # log standard deviation of a patient's own lesion size


def old_mean(frailty: Many, duration_years: float, luck: Many) -> np.ndarray:
    """Mean number of old lesions beyond the `FEWEST`, from hidden values.

    Args:
        frailty: Rate against other patients.
        duration_years: Since the first symptom.
        luck: Standard normal; what neither rate nor duration explains.
    """
    past = frailty**0.35 * (duration_years / _TYPICAL_DURATION) ** 0.4
    return np.asarray(_TYPICAL * past * np.exp(_SCATTER * luck))


def recent_mean(latents: Latents, design: TrialDesign, years: float) -> float:
    """Mean number of new lesions in some last years before baseline."""
    rate = float(latents.rate(np.array([-years / 2]), design)[0])
    return rate * (1 - design.enlarging_share) * years


def draw_history(
    latents: Latents, duration_years: float, design: TrialDesign, rng: np.random.Generator
) -> Lesions:
    """Lesions at baseline, in atlas space: old ones, and those of the last twelve weeks."""
    mean = float(old_mean(latents.frailty, duration_years, rng.standard_normal()))
    count = FEWEST + int(rng.poisson(mean))
    fresh = -rng.uniform(0, RECENT_YEARS, rng.poisson(recent_mean(latents, design, RECENT_YEARS)))
    onset = np.concatenate([-RECENT_YEARS - duration_years * rng.random(count), fresh])
    own = np.exp(_LOAD_SCATTER * rng.standard_normal()) * (count / _TYPICAL) ** 0.5
    prior = load_prior()
    return draw_lesions(onset, prior.chance, prior, rng, median_mm3=_MEDIAN_MM3 * own, sigma=_SIGMA)
