"""Drift: what changed where nothing should have."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequela.core import GeometryMismatchError
from sequela.core.checks import check_positive


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Change outside the region and inside it, as shares of the displayed range.

    Attributes:
        mean_outside: Mean |change| where the region is 0; nan where it is 0 nowhere.
        largest_outside: Largest |change| there.
        touched_outside: Share of the pixels there that changed at all.
        mean_inside: Mean |change| weighted by the region; nan where it is empty.
    """

    mean_outside: float
    largest_outside: float
    touched_outside: float
    mean_inside: float


def drift(
    before: Float[np.ndarray, "channel height width"],
    after: Float[np.ndarray, "channel height width"],
    region: Float[np.ndarray, "height width"],
    *,
    data_range: float,
) -> Drift:
    """What an edit changed outside its effective region.

    Args:
        before: The baseline.
        after: A later state, on the same grid.
        region: The effective region, soft, in [0, 1].
        data_range: Width of the window in stored units.
    """
    check_positive("data_range", data_range)
    if before.shape != after.shape or before.shape[1:] != region.shape:
        raise GeometryMismatchError(
            f"`after` and `region` must lie on the grid of `before`, {before.shape}, got "
            f"{after.shape} and {region.shape}. Resample them first."
        )
    change = np.abs(after.astype(np.float64) - before).max(axis=0) / data_range
    outside, weight = change[region == 0], float(region.sum())
    some = outside.size > 0
    return Drift(
        mean_outside=float(outside.mean()) if some else float("nan"),
        largest_outside=float(outside.max()) if some else float("nan"),
        touched_outside=float((outside > 0).mean()) if some else float("nan"),
        mean_inside=float((change * region).sum() / weight) if weight else float("nan"),
    )
