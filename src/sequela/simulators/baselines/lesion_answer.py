"""What any forecaster of lesions says of one patient, so that all can be scored alike."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import nbinom, poisson

from sequela.simulators.lesions.count_head import MOST_LESIONS, Counted
from sequela.simulators.lesions.forecast import Forecast


@dataclass(frozen=True, kw_only=True, eq=False)
class LesionAnswer(Counted):
    """A forecast of one patient.

    Attributes:
        chances: Of each voxel to be a NET2 lesion.
        count_chances: Of 0, 1, 2 ... lesions.
        masks: Possible masks, if the forecaster draws any.
    """

    chances: Float[np.ndarray, "depth height width"]
    count_chances: Float[np.ndarray, " count"]
    masks: Bool[np.ndarray, "sample depth height width"] | None = None

    @classmethod
    def of(cls, forecast: Forecast) -> "LesionAnswer":
        """That of the diffusion model."""
        return cls(
            chances=forecast.chances, count_chances=forecast.count_chances, masks=forecast.masks
        )

    @property
    def likeliest(self) -> Bool[np.ndarray, "depth height width"]:
        """One mask: the likeliest voxels, as many as are expected."""
        mask = np.zeros(self.chances.shape, bool)
        size = round(float(self.chances.sum(dtype=np.float64)))
        if size > 0:
            mask.flat[np.argsort(-self.chances, axis=None, kind="stable")[:size]] = True
        return mask & (self.chances > 0)


def sure_of(count: int) -> Float[np.ndarray, " count"]:
    """One count and no other."""
    chances = np.zeros(MOST_LESIONS + 1)
    chances[min(count, MOST_LESIONS)] = 1.0
    return chances


def poisson_chances(mean: float) -> Float[np.ndarray, " count"]:
    """Counts without overdispersion; the last holds the rest."""
    return _with_rest(poisson.pmf(np.arange(MOST_LESIONS), mean))


def gamma_poisson_chances(mean: float, shape: float) -> Float[np.ndarray, " count"]:
    """Negative binomial counts by mean and gamma shape; the last holds the rest."""
    return _with_rest(nbinom.pmf(np.arange(MOST_LESIONS), shape, shape / (shape + mean)))


def shares_of(counts: Int[np.ndarray, " sample"]) -> Float[np.ndarray, " count"]:
    """The share of samples with each count."""
    kept = np.minimum(counts, MOST_LESIONS)
    return np.asarray(np.bincount(kept, minlength=MOST_LESIONS + 1) / len(kept))


def _with_rest(chances: np.ndarray) -> Float[np.ndarray, " count"]:
    return np.append(chances, max(0.0, 1 - float(chances.sum())))
