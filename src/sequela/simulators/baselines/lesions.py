"""What a forecast of new lesions must beat: nothing, a map and a rate, a regression, persistence.

All answer (visit on the network's grid, question); what they have to learn comes from training
patients alone. `OneShot` is the deterministic U-Net: the same network, asked once without noise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from scipy import ndimage
from scipy.optimize import minimize
from scipy.special import digamma, gammaln

from sequela.cohorts.synthetic.trial import PLACEBO, find_arm, load_arms
from sequela.cohorts.synthetic.trial.prior import prior_at
from sequela.core import InvalidInputError
from sequela.simulators.baselines.lesion_answer import (
    LesionAnswer,
    gamma_poisson_chances,
    poisson_chances,
    sure_of,
)
from sequela.simulators.lesions.burden import Burden, burden_of, enhancing_mask
from sequela.simulators.lesions.network import LesionForecaster, Level, Told
from sequela.simulators.lesions.places import atlas_points, free_voxels, seen_channels
from sequela.simulators.lesions.prepare import PreparedVisit
from sequela.simulators.lesions.question import Question

Answering = Callable[[PreparedVisit, Question], LesionAnswer]
Map = Float[np.ndarray, "depth height width"]
_MOST_CERTAIN = 0.5  # no voxel is likelier than this in a map
_AGE_MIDDLE, _AGE_SPREAD = 37.0, 10.0


@dataclass(frozen=True, kw_only=True)
class Followed:
    """One training patient at one visit.

    Attributes:
        question: Arm, horizon and covariates.
        burden: Lesions at baseline.
        lesions: NET2 lesions that had come.
        voxels: Of their mask.
    """

    question: Question
    burden: Burden
    lesions: int
    voxels: int


def no_lesion(visit: PreparedVisit, question: Question) -> LesionAnswer:
    """Nothing comes."""
    del question
    return LesionAnswer(chances=np.zeros(visit.grid.shape, np.float32), count_chances=sure_of(0))


def enhancing_persist(visit: PreparedVisit, question: Question) -> LesionAnswer:
    """As many lesions as enhance now, around those; nothing where nobody looked."""
    del question
    fresh = enhancing_mask(visit)
    if fresh is None:
        fresh = np.zeros(visit.grid.shape, bool)
    ring = ndimage.binary_dilation(fresh, np.ones((1, 3, 3))) & free_voxels(visit)
    count = burden_of(visit).enhancing or 0
    share = min(_MOST_CERTAIN, count / max(1, int(ring.sum())))
    return LesionAnswer(chances=(share * ring).astype(np.float32), count_chances=sure_of(count))


@dataclass(frozen=True, kw_only=True)
class PriorMap:
    """The mean placebo patient's lesions, fewer by the arm's rate ratio, scattered over the map.

    Attributes:
        placebo_rate: Lesions a year.
        shape: Of gamma rates over patients, the same in every arm.
        voxels: Of a lesion.
    """

    placebo_rate: float
    shape: float
    voxels: float

    @classmethod
    def fit(cls, rows: Sequence[Followed]) -> "PriorMap":
        """Rate and spread of the placebo arm; size of all.

        Raises:
            InvalidInputError: Nobody is in the placebo arm.
        """
        placebo = [row for row in rows if row.question.treatment == PLACEBO]
        if not placebo:
            raise InvalidInputError("`rows` must hold patients of the placebo arm, got none.")
        years = np.array([row.question.horizon_years for row in placebo])
        found = np.array([row.lesions for row in placebo], float)
        rate = float(found.sum() / years.sum())
        expected = rate * years
        excess = float(((found - expected) ** 2 - expected).sum() / (expected**2).sum())
        return cls(placebo_rate=rate, shape=1 / max(excess, 1e-2), voxels=voxels_of_a_lesion(rows))

    def __call__(self, visit: PreparedVisit, question: Question) -> LesionAnswer:
        """The answer for any patient of an arm; no arm known is the mean over arms."""
        ratios = [arm.rate_ratio for arm in load_arms().values()]
        known = question.treatment in load_arms()
        ratio = find_arm(question.treatment).rate_ratio if known else float(np.mean(ratios))
        mean = self.placebo_rate * question.horizon_years * ratio
        return _anywhere(visit, mean, self.shape, self.voxels)


@dataclass(frozen=True, kw_only=True, eq=False)
class CountRegression:
    """Negative-binomial regression on arm, horizon, age and burden; places by the map.

    Attributes:
        weights: Of the columns of `columns`.
        shape: Of gamma rates over patients of the same columns.
        voxels: Of a lesion.
    """

    weights: Float[np.ndarray, " column"]
    shape: float
    voxels: float

    @classmethod
    def fit(cls, rows: Sequence[Followed]) -> "CountRegression":
        """The most likely weights and shape, by the exact likelihood."""
        table = np.stack([columns(row.question, row.burden) for row in rows])
        years = np.log([max(row.question.horizon_years, 1e-3) for row in rows])
        found = np.array([row.lesions for row in rows], float)

        def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
            return _negative_binomial_loss(values, table, years, found)

        start = np.zeros(table.shape[1] + 1)
        best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-8, 8)] * len(start)).x
        return cls(
            weights=best[:-1], shape=float(np.exp(best[-1])), voxels=voxels_of_a_lesion(rows)
        )

    def mean(self, question: Question, burden: Burden) -> float:
        """Expected lesions until the horizon."""
        return float(question.horizon_years * np.exp(columns(question, burden) @ self.weights))

    def __call__(self, visit: PreparedVisit, question: Question) -> LesionAnswer:
        """The patient's own count, anywhere on the map."""
        mean = self.mean(question, burden_of(visit))
        return _anywhere(visit, mean, self.shape, self.voxels)


@dataclass(frozen=True, kw_only=True, eq=False)
class OneShot:
    """A network that was trained without noise: one forecast, its voxels taken as independent.

    Attributes:
        network: Trained by a recipe with `is_deterministic`.
        voxels: Of a lesion.
    """

    network: LesionForecaster
    voxels: float

    @torch.no_grad()
    def __call__(self, visit: PreparedVisit, question: Question) -> LesionAnswer:
        """The network's chances; the count is Poisson around what they sum up to."""
        free = torch.from_numpy(free_voxels(visit))[None, None]
        present = torch.from_numpy(visit.present.astype(np.float32))[None]
        known = self.network.encode(seen_channels(visit), present, free)
        numbers = np.concatenate([question.numbers, burden_of(visit).numbers])
        told = Told(
            treatment=torch.tensor([question.treatment_index]),
            numbers=torch.from_numpy(numbers)[None],
        )
        whole = torch.ones(1)
        level = Level(signal=torch.zeros(1), noise=whole, share=whole)
        noisy = torch.zeros(1, 1, *visit.grid.shape)
        odds = self.network(noisy, level, known, told, whole)
        chances = odds.sigmoid()[0, 0].numpy()
        mean = float(chances.sum(dtype=np.float64)) / self.voxels
        return LesionAnswer(chances=chances, count_chances=poisson_chances(mean))


def scattered(visit: PreparedVisit, voxels: float) -> Map:
    """Chances of so many lesion voxels, spread over the free ones by the prior map."""
    density = prior_at(atlas_points(visit)) * free_voxels(visit)
    total = float(density.sum())
    chances = -np.expm1(-voxels * density / total) if total > 0 else density
    return np.asarray(np.minimum(chances, _MOST_CERTAIN), np.float32)


def voxels_of_a_lesion(rows: Sequence[Followed]) -> float:
    """Mean size of the rows whose masks were kept."""
    kept = [row for row in rows if row.voxels]
    lesions = sum(row.lesions for row in kept)
    return sum(row.voxels for row in kept) / lesions if lesions else 1.0


def columns(question: Question, burden: Burden) -> Float[np.ndarray, " column"]:
    """Arm, log horizon, age, burden, and what is known of them."""
    arms = [float(question.treatment == name) for name in load_arms()]
    age = question.age_years
    shown = 0.0 if age is None else (age - _AGE_MIDDLE) / _AGE_SPREAD
    more = [np.log(max(question.horizon_years, 1e-3)), shown, *burden.numbers]
    return np.array([1.0, *arms[1:], *more], np.float64)


def swapped(visit: PreparedVisit, other: PreparedVisit) -> PreparedVisit:
    """A patient with the images and lesions of another, for tests of what a forecaster looks at."""
    return replace(
        visit,
        images=other.images,
        present=other.present,
        lesions=other.lesions,
        brain=other.brain,
    )


def _anywhere(visit: PreparedVisit, mean: float, shape: float, voxels: float) -> LesionAnswer:
    """A gamma-Poisson count whose lesions lie where the map says."""
    return LesionAnswer(
        chances=scattered(visit, mean * voxels),
        count_chances=gamma_poisson_chances(mean, shape),
    )


def _negative_binomial_loss(
    values: np.ndarray, table: np.ndarray, years: np.ndarray, found: np.ndarray
) -> tuple[float, np.ndarray]:
    """Mean negative log likelihood and its gradient; the last value is the log shape."""
    weights, shape = values[:-1], float(np.exp(values[-1]))
    mean = np.exp(np.clip(table @ weights + years, -20, 8))
    log_chance = (
        gammaln(found + shape)
        - gammaln(shape)
        - gammaln(found + 1)
        + shape * np.log(shape / (shape + mean))
        + found * np.log(mean / (shape + mean))
    )
    along_mean = (found - mean) * shape / (shape + mean)
    along_shape = shape * (
        digamma(found + shape)
        - digamma(shape)
        + np.log(shape / (shape + mean))
        + (mean - found) / (shape + mean)
    )
    gradient = np.append(table.T @ along_mean, along_shape.sum())
    return -float(log_chance.mean()), -gradient / len(found)
