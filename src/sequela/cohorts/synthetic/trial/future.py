"""What each NET2 event of a patient looks like: a new focus, or an old lesion that grows."""

import numpy as np

from sequela.cohorts.synthetic.trial.design import TrialDesign
from sequela.cohorts.synthetic.trial.lesions import Lesions, draw_lesions
from sequela.cohorts.synthetic.trial.prior import load_prior
from sequela.cohorts.synthetic.trial.rates import Events

_MEDIAN_MM3, _SIGMA = 68.0, 1.0  # at the peak: two thirds of it, 45 mm3, last
_GROWTH = (1.5, 2.5)  # settled volume of an enlarging lesion against the old one
_SETTLES_FROM = 1.5  # peak over settled volume, see `lesions.life`
_ENLARGES_BELOW_MM3 = 1500.0  # half as much again of a confluent lesion is no single event
_TRIES = 8


def draw_future(
    events: Events, old: Lesions, design: TrialDesign, rng: np.random.Generator
) -> Lesions:
    """One lesion an event, in the events' order, in atlas space.

    Args:
        events: Onsets and kinds.
        old: The lesions at baseline.
        design: What was planted.
        rng: Source of places, sizes and shapes.
    """
    count = len(events.years)
    if not count:
        return old.only(np.zeros(0, int))
    new = _new(events, old, design, rng)
    grown = _grown(events, old, rng)
    return new.joined(grown).only(np.arange(count) + count * events.enlarging)


def _new(events: Events, old: Lesions, design: TrialDesign, rng: np.random.Generator) -> Lesions:
    prior = load_prior()
    chance = prior.beside(old.centres_mm, design.local_pull)
    lesions = draw_lesions(events.years, chance, prior, rng, median_mm3=_MEDIAN_MM3, sigma=_SIGMA)
    centres = lesions.centres_mm
    for _ in range(_TRIES):  # a new focus does not begin inside an old lesion
        taken = np.flatnonzero(_inside(centres, old))
        if not len(taken):
            break
        centres[taken] = prior.draw(len(taken), chance, rng)[0]
    return lesions


def _inside(points_mm: np.ndarray, old: Lesions) -> np.ndarray:
    """Whether points lie in a lesion at baseline, or at its edge."""
    radii = np.cbrt(old.volumes_mm3(0.0) / (4 / 3 * np.pi))[:, None] * old.stretch + 1.0
    offset = points_mm[:, None] - old.centres_mm[None]
    along = np.einsum("kij,pkj->pki", old.turns, offset) / radii
    return np.asarray(((along**2).sum(-1) < 1).any(1))


def _grown(events: Events, old: Lesions, rng: np.random.Generator) -> Lesions:
    """Of each event, an old lesion as it will have grown; the larger ones grow more often."""
    volumes = old.volumes_mm3(0.0)
    able = volumes < _ENLARGES_BELOW_MM3
    weight = np.where(able if able.any() else True, volumes, 0.0) ** (2 / 3)
    count = len(events.years)
    which = rng.choice(len(old), size=count, p=weight / weight.sum())
    factor = rng.uniform(*_GROWTH, count) * _SETTLES_FROM
    chosen = vars(old.only(which))
    return Lesions(**chosen | {"peak_mm3": volumes[which] * factor, "onset_years": events.years})
