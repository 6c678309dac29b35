"""Rigid registration of two volumes of one head, by mutual information.

Source: Maes et al., "Multimodality image registration by maximization of mutual information",
IEEE TMI 1997; the normalised form of Studholme et al., Pattern Recognition 1999.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage
from scipy.optimize import minimize

from sequela.imaging.grid import Grid
from sequela.imaging.regrid import regrid

Volume = Float[np.ndarray, "depth height width"]
_BINS = 32
_STEPS_MM = (8.0, 4.0)  # of the coarse grids that are searched, one after the other


@dataclass(frozen=True, kw_only=True, eq=False)
class Alignment:
    """How one volume lies in another.

    Attributes:
        move: 4x4 map of the fixed volume's LPS millimetres to the moving one's.
        similarity: Normalised mutual information there, 1 (none) to 2 (each tells the other).
        similarity_before: As it was without moving.
        distance_mm: How far the middle of the fixed volume's content moves.
    """

    move: Float[np.ndarray, "4 4"]
    similarity: float
    similarity_before: float
    distance_mm: float


def align(
    fixed: Volume, fixed_grid: Grid, moving: Float[np.ndarray, "d h w"], moving_grid: Grid
) -> Alignment:
    """The rigid move that makes the moving volume tell most of the fixed one.

    Starts from where the headers put both; finds turns of some degrees and shifts of some
    centimetres, no more.
    """
    centre = _middle(fixed, fixed_grid)
    found = np.zeros(6)
    for step in _STEPS_MM:
        target = _coarse(fixed_grid, step)
        still = regrid(fixed, fixed_grid, target)
        still_bins = _binned(still)
        smooth = ndimage.gaussian_filter(moving, [step / 3 / s for s in moving_grid.spacing_mm])

        def loss(
            values: np.ndarray,
            target: Grid = target,
            still_bins: np.ndarray = still_bins,
            smooth: np.ndarray = smooth,
        ) -> float:
            moved = _sampled(smooth, moving_grid, target, _move(values, centre))
            return -_similarity(still_bins, _binned(moved))

        # one unit is a millimetre, or what moves the brain's surface by one
        simplex = np.vstack([found, found + step / 2 * np.eye(6)])
        options = {"initial_simplex": simplex, "xatol": step / 60, "fatol": 1e-6, "maxfev": 300}
        before = -loss(np.zeros(6))
        result = minimize(loss, found, method="Nelder-Mead", options=options)
        found = result.x
    move = _move(found, centre)
    return Alignment(
        move=move,
        similarity=-float(result.fun),
        similarity_before=before,
        distance_mm=float(np.linalg.norm(found[:3])),
    )


def _move(values: np.ndarray, centre: np.ndarray) -> Float[np.ndarray, "4 4"]:
    """Shift in mm and turns about the centre; 80 mm of lever make one unit a millimetre there."""
    turns = values[3:] / 80
    angle = float(np.linalg.norm(turns))
    cross = np.array([[0, -turns[2], turns[1]], [turns[2], 0, -turns[0]], [-turns[1], turns[0], 0]])
    rotation = np.eye(3)
    if angle > 1e-9:  # Rodrigues' formula
        rotation = (
            rotation
            + np.sin(angle) / angle * cross
            + (1 - np.cos(angle)) / angle**2 * cross @ cross
        )
    move = np.eye(4)
    move[:3, :3] = rotation
    move[:3, 3] = centre - rotation @ centre + values[:3]
    return move


def _sampled(
    values: Float[np.ndarray, "d h w"], source: Grid, target: Grid, move: np.ndarray
) -> Volume:
    full = np.linalg.inv(source.affine) @ move @ target.affine
    return np.asarray(
        ndimage.affine_transform(
            values, full[:3, :3], full[:3, 3], output_shape=target.shape, order=1
        ),
        np.float32,
    )


def _coarse(grid: Grid, step_mm: float) -> Grid:
    """The same field of view in cubes."""
    shares = [
        max(1, round(n * s / step_mm)) for n, s in zip(grid.shape, grid.spacing_mm, strict=True)
    ]
    scale = np.diag([*(n / m for n, m in zip(grid.shape, shares, strict=True)), 1.0])
    scale[:3, 3] = (np.diag(scale)[:3] - 1) / 2
    return Grid(shape=(shares[0], shares[1], shares[2]), affine=grid.affine @ scale)


def _binned(volume: Volume) -> np.ndarray:
    top = float(np.percentile(volume, 99.5))
    return np.clip(volume * (_BINS / max(top, 1e-6)), 0, _BINS - 1).astype(np.int64)


def _similarity(one: np.ndarray, two: np.ndarray) -> float:
    """Sum of both entropies over the joint one."""
    joint = np.bincount((one * _BINS + two).ravel(), minlength=_BINS * _BINS).reshape(_BINS, _BINS)
    share = ndimage.gaussian_filter(joint.astype(np.float64), 0.5) / joint.sum()
    both = _entropy(share)
    return (_entropy(share.sum(0)) + _entropy(share.sum(1))) / both if both > 0 else 1.0


def _entropy(share: np.ndarray) -> float:
    told = share[share > 0]
    return float(-(told * np.log(told)).sum())


def _middle(volume: Volume, grid: Grid) -> np.ndarray:
    place = np.array(ndimage.center_of_mass(np.maximum(volume, 0)))
    return np.asarray(grid.affine[:3, :3] @ place + grid.affine[:3, 3])
