"""A volume's grid: its shape and where each of its voxels lies in the patient."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Num
from scipy.optimize import linear_sum_assignment

from sequela.core.checks import check_positive
from sequela.core.errors import InvalidInputError
from sequela.core.scan import Scan


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """Shape and place of a volume.

    Attributes:
        shape: Samples along d (superior), h (posterior), w (left).
        affine: 4x4 map of (d, h, w, 1) to LPS millimetres.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray

    def __post_init__(self) -> None:
        turn = np.asarray(self.affine, np.float64)
        if turn.shape != (4, 4) or not np.isfinite(turn).all():
            raise InvalidInputError(f"`affine` must be a finite 4x4 matrix, got {turn.tolist()!r}.")
        if abs(np.linalg.det(turn[:3, :3])) < 1e-9:
            raise InvalidInputError(
                "`affine` must be invertible, got determinant 0. Export the volume again."
            )
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise InvalidInputError(f"`shape` must be three counts above 0, got {self.shape!r}.")

    @classmethod
    def upright(
        cls,
        shape: tuple[int, int, int],
        spacing_mm: tuple[float, float, float],
        centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> "Grid":
        """A grid along the body's axes.

        Args:
            shape: Samples along d, h, w.
            spacing_mm: Between samples along d, h, w.
            centre_mm: Middle of the grid in LPS millimetres: left, posterior, superior.
        """
        for step in spacing_mm:
            check_positive("spacing_mm", step)
        affine = np.zeros((4, 4))
        affine[3, 3] = 1
        for axis, along in enumerate((2, 1, 0)):
            affine[along, axis] = spacing_mm[axis]
            affine[along, 3] = centre_mm[along] - spacing_mm[axis] * (shape[axis] - 1) / 2
        return cls(shape=shape, affine=affine)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Millimetres between samples along d, h and w."""
        d, h, w = (float(v) for v in np.linalg.norm(self.affine[:3, :3], axis=0))
        return d, h, w

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel."""
        return float(abs(np.linalg.det(self.affine[:3, :3]))) / 1000

    @cached_property
    def points(self) -> Float[np.ndarray, "depth height width 3"]:
        """LPS millimetres of every voxel's centre, float32."""
        return self.points_of(*(np.arange(n, dtype=np.float64) for n in self.shape))

    def points_of(
        self, d: np.ndarray, h: np.ndarray, w: np.ndarray
    ) -> Float[np.ndarray, "depth height width 3"]:
        """LPS millimetres of a block of (fractional) indices along each axis."""
        columns = self.affine[:3].astype(np.float32)
        parts = [
            np.asarray(v, np.float32)[:, None] * columns[:, k] for k, v in enumerate((d, h, w))
        ]
        return np.asarray(
            parts[0][:, None, None] + parts[1][None, :, None] + parts[2][None, None] + columns[:, 3]
        )

    def indices_of(self, points_mm: Float[np.ndarray, "... 3"]) -> Float[np.ndarray, "... 3"]:
        """Fractional (d, h, w) of LPS millimetres."""
        inverse = np.linalg.inv(self.affine)
        return np.asarray(points_mm @ inverse[:3, :3].T + inverse[:3, 3])


def turned(
    values: Num[np.ndarray, "a b c"], affine: Float[np.ndarray, "4 4"]
) -> tuple[Num[np.ndarray, "depth height width"], Float[np.ndarray, "4 4"]]:
    """A volume with its axes permuted and flipped to point to superior, posterior and left.

    Args:
        values: Axes in any order.
        affine: Map of their indices to LPS millimetres.
    """
    steps = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    # rows: superior, posterior, left
    towards = steps[[2, 1, 0]]
    _, order = linear_sum_assignment(-np.abs(towards))
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for axis, old in enumerate(order):
        is_flipped = towards[axis, old] < 0
        turn[old, axis] = -1 if is_flipped else 1
        turn[old, 3] = values.shape[old] - 1 if is_flipped else 0
    flips = tuple(axis for axis, old in enumerate(order) if towards[axis, old] < 0)
    return np.ascontiguousarray(np.flip(values.transpose(order), flips)), affine @ turn


def grid_of(scan: Scan, name: str = "scan") -> Grid:
    """The grid of a volume that knows its place.

    Args:
        scan: A volume.
        name: What it is called where it is refused.

    Raises:
        InvalidInputError: It is a picture, or does not know where it lies.
    """
    if not scan.is_volume or scan.affine is None:
        raise InvalidInputError(
            f"`{name}` must be a volume with its place in the patient, but {scan.source.name} is "
            f"{' x '.join(str(n) for n in scan.array.shape)} without. Give NIfTI or a DICOM series."
        )
    depth, height, width = scan.array.shape
    return Grid(shape=(depth, height, width), affine=scan.affine)
