"""Random fields in the patient's millimetres: soft noise, and walls between random cells.

Both are drawn without reference to a grid, so every grid shows the same patient.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

Points = Float[np.ndarray, "point 3"]
_REACH_MM = 200.0  # from the middle of the chest


def soft_noise(rng: np.random.Generator, points: Points, period_mm: float) -> np.ndarray:
    """Smooth noise of mean 0 and standard deviation about 1, one value a point.

    Args:
        rng: Source of the lattice; points do not change what is drawn from it.
        points: Millimetres.
        period_mm: Distance between lattice points: the size of the blobs.
    """
    count = 2 * int(np.ceil(_REACH_MM / period_mm)) + 4
    lattice = rng.standard_normal((count,) * 3, np.float32)
    places = points.T / np.float32(period_mm) + np.float32((count - 1) / 2)
    # 2.0: interpolation lowers the standard deviation to about a half
    return np.asarray(2.0 * map_coordinates(lattice, places, order=1, mode="nearest"))


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Random cells, as cysts or lobules are.

    Attributes:
        wall_mm: Distance from each point to the wall of its cell, about.
        own: Number in [0, 1) that is the same in the whole cell.
    """

    wall_mm: Float[np.ndarray, " point"]
    own: Float[np.ndarray, " point"]


def draw_cells(rng: np.random.Generator, points: Points, size_mm: float) -> Cells:
    """Cells about `size_mm` wide: a jittered lattice of centres, each point to its nearest.

    Args:
        rng: Source of the centres; points do not change what is drawn from it.
        points: Millimetres.
        size_mm: Width of a cell.
    """
    count = 2 * int(np.ceil(_REACH_MM / size_mm))
    axis = (np.arange(count, dtype=np.float32) - (count - 1) / 2) * np.float32(size_mm)
    centres = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    centres += rng.uniform(-0.75, 0.75, centres.shape).astype(np.float32) * np.float32(size_mm)
    own = rng.random(len(centres))
    low, high = points.min(0) - 2 * size_mm, points.max(0) + 2 * size_mm
    near = np.flatnonzero(((centres > low) & (centres < high)).all(1))
    tree = cKDTree(centres[near], leafsize=24, balanced_tree=False)
    distance, index = tree.query(points, k=2)
    return Cells(wall_mm=(distance[:, 1] - distance[:, 0]) / 2, own=own[near[index[:, 0]]])
