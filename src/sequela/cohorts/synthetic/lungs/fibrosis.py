"""Where fibrosis comes first, and what it looks like as it ages.

Every lung voxel has a place in a queue. At extent .3 the first 30 % of the queue are fibrotic, so
the true extent is met exactly and fibrosis never retreats. How far the front has passed a voxel
tells its pattern: ground glass at the front, then reticulation, then honeycombing.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequela.cohorts.synthetic.lungs.texture import Cells, draw_cells, soft_noise

Voxels = Float[np.ndarray, " voxel"]
_FRONT = 0.03  # of extent: width of the front
_RETICULATION, _HONEYCOMB = 0.05, 0.22  # extent gained since the front came
_GLASS_HU, _MESH_HU, _CYST_HU, _WALL_HU = -660.0, -760.0, -880.0, -180.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Fibrosis:
    """One patient's pattern in the lung voxels of one grid.

    Attributes:
        queue: Place of each voxel, (0, 1).
        mesh: Share of wall in each voxel of the reticular pattern.
        comb: Share of wall in each voxel of the honeycomb.
        comb_chance: How soon honeycombing comes, 0 late to 1 early.
        glass_hu: Unevenness of the ground glass.
    """

    queue: Voxels
    mesh: Voxels
    comb: Voxels
    comb_chance: Voxels
    glass_hu: Voxels

    def share(self, extent: float) -> Voxels:
        """How fibrotic each voxel is, from 0 before the front to 1 behind it."""
        return _smooth((extent - self.queue) / _FRONT + 0.5)

    def lay_over(self, image: Voxels, extent: float) -> Voxels:
        """Lung voxels in HU with fibrosis of some extent over their healthy values."""
        since = extent - self.queue
        glass = np.maximum(image, _GLASS_HU + self.glass_hu)
        mesh = _MESH_HU + self.mesh * (_WALL_HU - _MESH_HU)
        comb = _CYST_HU + self.comb * (_WALL_HU - _CYST_HU)
        start = _HONEYCOMB * (1.3 - 0.6 * self.comb_chance)
        old = _smooth((since - start) / 0.05 + 0.5)
        lined = _smooth((since - _RETICULATION) / 0.06 + 0.5)
        inner = glass + lined * (np.maximum(mesh, image) - glass)
        inner = inner + old * (comb - inner)
        return np.asarray(image + self.share(extent) * (inner - image), np.float32)


def draw_fibrosis(
    rng: np.random.Generator,
    points: Float[np.ndarray, "voxel 3"],
    *,
    depth_mm: Voxels,
    lobe: np.ndarray,
    blur_mm: float,
) -> Fibrosis:
    """A pattern that prefers the base, the back and the pleura, as much as the patient's lot says.

    Args:
        rng: Source of the lot.
        points: Lung voxels in textbook millimetres.
        depth_mm: Of each voxel below the outer pleura.
        lobe: Of each voxel, as `anatomy.LOBES`.
        blur_mm: Size of a voxel: thin walls fill a share of it.
    """
    pleura, base, back, patchy = rng.uniform((1.6, 0.9, 0.3, 0.3), (2.6, 1.7, 0.8, 0.5))
    side = rng.normal(0, 0.12)
    liking = pleura * np.exp(-depth_mm / rng.uniform(9, 16))
    liking += base * (60 - points[:, 2]) / 100 + back * points[:, 1] / 70
    liking += rng.normal(0, 0.15, 5)[lobe] + np.where(points[:, 0] > 0, side, -side)
    liking += patchy * (soft_noise(rng, points, 32.0) + 0.6 * soft_noise(rng, points, 14.0))
    cells, cysts = draw_cells(rng, points, 12.0), draw_cells(rng, points, 8.5)
    return Fibrosis(
        queue=_ranks(liking),
        mesh=_walls(cells, 1.1, blur_mm),
        comb=_walls(cysts, 1.5, blur_mm),
        comb_chance=np.clip(cells.own * 0.6 + rng.uniform(0, 0.4), 0, 1).astype(np.float32),
        glass_hu=(45 * soft_noise(rng, points, 10.0)).astype(np.float32),
    )


def _ranks(liking: np.ndarray) -> Voxels:
    """Place in the queue, the most liked first."""
    order = np.argsort(-liking)
    ranks = np.empty(len(order), np.float32)
    ranks[order] = (np.arange(len(order)) + 0.5) / max(len(order), 1)
    return ranks


def _walls(cells: Cells, half_mm: float, blur_mm: float) -> Voxels:
    """Share of a voxel that walls of some half thickness fill, more walls in some cells."""
    thick = half_mm * (0.6 + 0.8 * cells.own)
    # a thin wall blurred by the voxel keeps its mass
    width = np.maximum(blur_mm / 2, thick)
    share = np.clip(1.5 - cells.wall_mm / width, 0, 1) * np.minimum(thick / width * 1.6, 1)
    return np.asarray(share, np.float32)


def _smooth(share: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, without corners."""
    held = np.clip(share, 0, 1)
    return np.asarray(held * held * (3 - 2 * held), np.float32)
