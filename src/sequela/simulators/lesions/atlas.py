"""A patient's brain laid on the atlas by its middle and its spread along each axis.

No registration, but good to one or two millimetres for a head that is not turned.
"""

from functools import cache

import numpy as np
from jaxtyping import Bool, Float

from sequela.cohorts.synthetic.trial import MINI_GRID
from sequela.cohorts.synthetic.trial.anatomy import brain as atlas_brain
from sequela.cohorts.synthetic.trial.prior import prior_at
from sequela.imaging.grid import Grid

Mask = Bool[np.ndarray, "depth height width"]


def points_on_atlas(brain: Mask, grid: Grid) -> Float[np.ndarray, "depth height width 3"]:
    """Millimetres of the atlas of every voxel."""
    mean, spread = middle_of(brain, grid.points)
    atlas_mean, atlas_spread = atlas_middle()
    scaled = (grid.points - mean) * (atlas_spread / spread) + atlas_mean
    return np.asarray(scaled, np.float32)


def likely_at(brain: Mask, grid: Grid) -> Float[np.ndarray, "depth height width"]:
    """How often lesions lie at every voxel in the prior map, 1 on average over the brain."""
    density = prior_at(points_on_atlas(brain, grid))
    return np.asarray(density / float(density[brain].mean()), np.float32)


def middle_of(mask: Mask, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of a mask's points along each axis."""
    inside = points[mask].astype(np.float64)
    return inside.mean(0), inside.std(0)


@cache
def atlas_middle() -> tuple[np.ndarray, np.ndarray]:
    """The same of the atlas."""
    return middle_of(atlas_brain(MINI_GRID.points) < 0, MINI_GRID.points)
