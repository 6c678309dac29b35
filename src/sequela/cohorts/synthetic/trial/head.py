"""One patient's head: the phantom turned, scaled and folded in a way of its own."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequela.cohorts.synthetic.trial.anatomy import (
    Folds,
    brain,
    fissures,
    infratentorial,
    nuclei,
    ventricles,
)
from sequela.imaging.grid import Grid

Volume = Float[np.ndarray, "depth height width"]
_CORTEX_MM = 4.0  # a little thick, to be seen on coarse grids
_SULCUS_MM, _SULCUS_DEPTH_MM = 0.4, 16.0
_CSF_MM, _SKULL_MM, _SCALP_MM = 2.5, 8.0, 13.0  # shells around the brain, from its surface


@dataclass(frozen=True, kw_only=True, eq=False)
class Tissues:
    """Share of each voxel that a tissue fills.

    Attributes:
        white: White matter.
        grey: Cortex and deep nuclei.
        csf: Fluid in ventricles, sulci and around the brain.
        scalp: Fat and skin; skull is what is nothing else.
        rim: The thin bright rim that FLAIR shows around ventricles.
        brain: Brain with its ventricles and sulci.
    """

    white: Volume
    grey: Volume
    csf: Volume
    scalp: Volume
    rim: Volume
    brain: Volume


@dataclass(frozen=True, kw_only=True, eq=False)
class Head:
    """How the atlas becomes one patient.

    Attributes:
        to_atlas: 4x4 map of the patient's LPS millimetres to the atlas'.
        ventricle_size: Against the atlas.
        folds: Of the cortex.
    """

    to_atlas: Float[np.ndarray, "4 4"]
    ventricle_size: float
    folds: Folds

    def atlas_points(self, points_mm: Float[np.ndarray, "*space 3"]) -> np.ndarray:
        """Where points of the patient are in the atlas."""
        turn = self.to_atlas.astype(points_mm.dtype)
        return np.asarray(points_mm @ turn[:3, :3].T + turn[:3, 3])

    def patient_points(self, points_mm: Float[np.ndarray, "*space 3"]) -> np.ndarray:
        """Where points of the atlas are in the patient."""
        turn = np.linalg.inv(self.to_atlas)
        return np.asarray(points_mm @ turn[:3, :3].T + turn[:3, 3])

    @property
    def rotation(self) -> Float[np.ndarray, "3 3"]:
        """The turning in `to_atlas`, without its scale."""
        left, _, right = np.linalg.svd(self.to_atlas[:3, :3])
        return np.asarray(left @ right)

    def tissues(self, grid: Grid) -> Tissues:
        """Tissue shares on a grid, with partial volume."""
        points = self.atlas_points(grid.points)
        width = max(1.2, float(np.cbrt(np.prod(grid.spacing_mm))) * 0.8)
        surface, fluid = brain(points), ventricles(points, self.ventricle_size)
        cleft, below = fissures(points), infratentorial(points)
        sulci = np.abs(self.folds(points)) / self.folds.slope - _SULCUS_MM
        sulci = np.maximum(sulci, -surface - _SULCUS_DEPTH_MM)
        stem = below & (np.abs(points[..., 0]) < 14) & (-points[..., 1] > -46)
        pial = np.minimum(np.minimum(cleft, sulci), -surface)
        inside = _within(surface, width)
        clefts = np.maximum(_within(cleft, width), _within(sulci, width))
        csf = np.maximum(_within(fluid, width), np.where(stem, 0, clefts))
        cortex = np.where(stem, 0, _within(pial - _CORTEX_MM, width))
        grey = np.maximum(cortex, _within(nuclei(points), width)) * (1 - csf)
        shell = _within(surface - _CSF_MM, width) - inside
        return Tissues(
            white=inside * (1 - csf) - inside * grey,
            grey=inside * grey,
            csf=inside * csf + shell,
            scalp=_within(surface - _SCALP_MM, width) - _within(surface - _SKULL_MM, width),
            rim=inside * np.clip(1 - np.abs(fluid - 1) / 2.5, 0, 1) * (1 - csf),
            brain=inside,
        )


def draw_head(rng: np.random.Generator, *, age_score: float) -> Head:
    """A head of random size, tilt and folding; older ones have wider ventricles."""
    tilt = np.deg2rad(rng.normal(0, 2.0, 3))
    turn = np.eye(4)
    turn[:3, :3] = _rotation(tilt) * np.exp(rng.normal(0, 0.025, 3))[None]
    turn[:3, 3] = rng.normal(0, 1.5, 3)
    size = float(np.clip(np.exp(0.12 * age_score + 0.15 * rng.standard_normal()), 0.65, 1.7))
    return Head(to_atlas=turn, ventricle_size=size, folds=Folds.draw(rng))


def _within(distance: np.ndarray, width: float) -> np.ndarray:
    """1 inside, 0 outside, with a border as wide as a voxel."""
    return np.clip(0.5 - distance / width, 0, 1).astype(np.float32)


def _rotation(angles: np.ndarray) -> np.ndarray:
    """Turns about x, then y, then z."""
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        first, second = [i for i in range(3) if i != axis]
        one = np.eye(3)
        one[first, first] = one[second, second] = np.cos(angle)
        one[first, second], one[second, first] = -np.sin(angle), np.sin(angle)
        turn = one @ turn
    return turn
