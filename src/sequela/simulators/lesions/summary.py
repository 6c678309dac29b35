"""What samples of a forecast say together: chances by voxel, counts, volumes, activity."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from sequela.imaging.grid import Grid
from sequela.imaging.net2 import Net2Rule, label_lesions

Masks = Bool[np.ndarray, "sample depth height width"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ForecastSummary:
    """One forecast in numbers.

    Attributes:
        chances: Of each voxel to be a NET2 lesion.
        counts: Lesions of each sample.
        volumes_ml: Of each sample.
        rule: What counts as a lesion.
    """

    chances: Float[np.ndarray, "depth height width"]
    counts: Int[np.ndarray, " sample"]
    volumes_ml: Float[np.ndarray, " sample"]
    rule: Net2Rule

    @property
    def activity(self) -> float:
        """Chance of any lesion, with a half lesion added to both sides: 0 and 1 are never sure."""
        return float(((self.counts > 0).sum() + 0.5) / (len(self.counts) + 1))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Central interval of the count."""
        tail = 50 * (1 - level)
        low, high = np.percentile(self.counts, [tail, 100 - tail])
        return float(low), float(high)


def summarise(masks: Masks, grid: Grid, *, rule: Net2Rule | None = None) -> ForecastSummary:
    """Chances, counts and volumes of samples.

    Args:
        masks: NET2 masks.
        grid: They lie on.
        rule: Connectivity and smallest size.
    """
    rule = rule or Net2Rule()
    least = max(1, int(np.ceil(rule.minimum_mm3 / (1000 * grid.voxel_ml) - 1e-9)))
    counts = [label_lesions(mask, rule.connectivity, least=least)[1] for mask in masks]
    return ForecastSummary(
        chances=masks.mean(0, dtype=np.float32),
        counts=np.array(counts, np.int64),
        volumes_ml=masks.sum((1, 2, 3)) * grid.voxel_ml,
        rule=rule,
    )
