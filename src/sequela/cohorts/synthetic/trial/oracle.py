"""The best forecast that the planted truth allows from what is seen at baseline.

Nobody sees a patient's own rate or place in the queue of responders, but age, the lesions that are
there and those that enhance tell of them. Here they are weighed as they were planted: many hidden
patients are drawn, each is weighted by how likely it would have shown what was seen, and what comes
to them is the forecast. It reads the true number of lesions, and nothing of their sizes.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln

from sequela.cohorts.synthetic.trial.arms import find_arm
from sequela.cohorts.synthetic.trial.history import FEWEST, RECENT_YEARS, old_mean, recent_mean
from sequela.cohorts.synthetic.trial.rates import Latents
from sequela.cohorts.synthetic.trial.render import ENHANCING_YEARS
from sequela.cohorts.synthetic.trial.response import rate_factor, responder_place, responders
from sequela.cohorts.synthetic.trial.subject import Future, TrialSubject
from sequela.core.checks import check_count

_HIDDEN = 2000  # hidden patients that are weighed
_LARGEST = 200  # counts beyond are put together


@dataclass(frozen=True, kw_only=True, eq=False)
class Oracle:
    """What can be known of one patient's hidden values; `consult` makes it.

    Attributes:
        subject: The patient.
        frailty: Possible rates against other patients.
        place: Possible places in the queue of responders.
        weights: How likely each is; sums to 1.
    """

    subject: TrialSubject
    frailty: Float[np.ndarray, " hidden"]
    place: Float[np.ndarray, " hidden"]
    weights: Float[np.ndarray, " hidden"]

    def counts(self, arm: str, years: float) -> Float[np.ndarray, " count"]:
        """Chance of 0, 1, 2 ... NET2 events until a time."""
        subject, times = self.subject, np.linspace(0, max(years, 1e-6), 200)
        typical = replace(subject.latents, frailty=1.0).rate(times, subject.design)
        treatment, design = find_arm(arm), subject.design
        share, _ = responders(treatment, design)
        # every patient is one of two kinds: those before the share in the queue, and the others
        full, other = (
            years * float((typical * rate_factor(treatment, place, times, design)).mean())
            for place in (-1.0, 2.0)
        )
        means = self.frailty * np.where(self.place < share, full, other)
        told = self.weights > 1e-3 * self.weights.max()
        chance = (
            np.exp(_log_poisson(np.arange(_LARGEST)[:, None], means[told])) @ self.weights[told]
        )
        chance /= self.weights[told].sum()
        return np.asarray(np.append(chance, max(0.0, 1 - chance.sum())))

    def futures(self, arm: str, years: float, *, samples: int, seed: int = 0) -> list[Future]:
        """Independent draws of what comes until a time."""
        check_count("samples", samples)
        rng = np.random.default_rng([seed, self.subject.seed])
        chosen = rng.choice(len(self.weights), size=samples, p=self.weights)
        return [
            self.subject.another_future(self._hidden(int(h)), seed * samples + k, arm, years)
            for k, h in enumerate(chosen)
        ]

    def _hidden(self, index: int) -> Latents:
        frailty, place = float(self.frailty[index]), float(self.place[index])
        return replace(self.subject.latents, frailty=frailty, place=place)


def consult(subject: TrialSubject) -> Oracle:
    """What age, season, duration, and the counts of all and of enhancing lesions tell."""
    design, rng = subject.design, np.random.default_rng([subject.seed, 99])
    frailty = rng.gamma(design.frailty_shape, size=_HIDDEN) / design.frailty_shape
    frailty = np.maximum(frailty, 1e-9)
    luck, own = rng.standard_normal((2, _HIDDEN))
    # age and season are on the forms
    typical = replace(subject.latents, frailty=1.0)
    fresh = frailty * recent_mean(typical, design, ENHANCING_YEARS)
    late = frailty * recent_mean(typical, design, RECENT_YEARS) - fresh
    old = old_mean(frailty, subject.covariates.disease_years, luck)
    known = len(subject.lesions) - FEWEST - subject.enhancing
    weight = _log_poisson(subject.enhancing, fresh)
    weight = weight + _log_poisson(known, old + np.maximum(late, 0))
    weight = np.exp(weight - weight.max())
    place = np.asarray(responder_place(subject.latents.age_score, own, design))
    return Oracle(subject=subject, frailty=frailty, place=place, weights=weight / weight.sum())


def _log_poisson(count: np.ndarray | int, mean: np.ndarray) -> np.ndarray:
    return np.asarray(count * np.log(np.maximum(mean, 1e-12)) - mean - gammaln(np.add(count, 1.0)))
