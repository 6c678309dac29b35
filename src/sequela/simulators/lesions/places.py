"""Where a patient's voxels are in the atlas, and what the network sees of a visit.

The patient is laid on the atlas by the middle and the spread of the brain along each axis: no
registration, but good to one or two millimetres for a head that is not turned.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

from sequela.cohorts.synthetic.trial import MINI_GRID
from sequela.cohorts.synthetic.trial.prior import prior_at
from sequela.imaging.grid import Grid
from sequela.imaging.net2 import label_lesions
from sequela.simulators.lesions.atlas import atlas_middle, middle_of, points_on_atlas
from sequela.simulators.lesions.config import ForecastConfig
from sequela.simulators.lesions.prepare import PreparedVisit, on_grid

Points = Float[np.ndarray, "depth height width 3"]
PRIOR_SCALE = 4.0  # of the prior channel: logs over this
_REACH_MM = 80.0  # coordinates over this lie about in [-1, 1]
_FAINT = 1e-3  # of the mean density: nowhere is a lesion impossible
_BESIDE_MM = 10.0  # how far an old lesion is felt


def place_visit(visit: PreparedVisit, config: ForecastConfig) -> PreparedVisit:
    """The visit on the network's own grid, the brain where the training patients' brains were."""
    mean, _ = middle_of(visit.brain, visit.grid.points)
    atlas_mean, _ = atlas_middle()
    own = _centre(MINI_GRID) - atlas_mean + mean
    centre = (float(own[0]), float(own[1]), float(own[2]))
    return on_grid(visit, Grid.upright(config.shape, config.spacing_mm, centre_mm=centre))


def atlas_points(visit: PreparedVisit) -> Points:
    """Millimetres of the atlas of every voxel."""
    return points_on_atlas(visit.brain, visit.grid)


def free_voxels(visit: PreparedVisit) -> Bool[np.ndarray, "depth height width"]:
    """Where a NET2 lesion may come: in the brain, out of old lesions."""
    return np.asarray(visit.brain & ~visit.lesions)


def seen_channels(visit: PreparedVisit) -> Float[Tensor, "1 seen depth height width"]:
    """What the encoder sees of a visit: images, masks, place, the prior map, old lesions around."""
    points = atlas_points(visit)
    place = [points[..., 2], points[..., 1], np.abs(points[..., 0])]
    density = prior_at(points)
    likely = density / float(density[visit.brain].mean())
    channels = [
        *visit.images,
        visit.lesions,
        visit.brain,
        *(axis / _REACH_MM for axis in place),
        np.log(likely + _FAINT) / PRIOR_SCALE,
        np.log1p(_beside(visit, density)),
    ]
    return torch.from_numpy(np.stack(channels).astype(np.float32)[None])


def _beside(visit: PreparedVisit, density: np.ndarray) -> Float[np.ndarray, "depth height width"]:
    """How many old lesions lie around, 1 on average over where lesions come."""
    labels, count = label_lesions(visit.lesions, 6)
    dots = np.zeros(visit.grid.shape, np.float32)
    if count:
        found = ndimage.center_of_mass(visit.lesions, labels, range(1, count + 1))
        np.add.at(dots, tuple(np.rint(found).astype(int).T), 1.0)
    around = ndimage.gaussian_filter(dots, [_BESIDE_MM / s for s in visit.grid.spacing_mm])
    weight = density * visit.brain
    mean = float((around * weight).sum() / weight.sum())
    return np.asarray(around / mean if mean > 0 else around)


def _centre(grid: Grid) -> np.ndarray:
    corners = grid.points[[0, -1], [0, -1], [0, -1]]
    return np.asarray(corners.mean(0), np.float64)
