"""From a scan's grid to the model's, and changes back: what no model voxel holds stays the scan's.

    state(t) = up(forecast(t)) + detail,   detail = scan - up(down(scan)) of the scans next in time

so that a forecast which reaches a scan reaches it at its full resolution.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Num

from sequela.imaging.grid import Grid
from sequela.imaging.regrid import regrid

Volume = Float[np.ndarray, "depth height width"]
Mask = Bool[np.ndarray, "depth height width"]

_AIR_HU = -1024.0  # beyond the scan
_SAME, _MARGIN_MM = 0.02, 12.0
_EDGE_MM = 1.0  # over which a change fades in at the pleura


def model_grid(
    lungs: Mask,
    grid: Grid,
    *,
    spacing_mm: tuple[float, float, float],
    shape: tuple[int, int, int],
    factor: int,
) -> Grid:
    """The model's grid around a scan's lungs: its own spacing, and larger than usual if need be.

    A scan that already has the model's spacing keeps its grid, for resampling would only blur it.

    Args:
        lungs: On `grid`.
        grid: Of the scan.
        spacing_mm: Of the scans that the model was trained on.
        shape: The same.
        factor: Voxels of a cell; sides are multiples of it.
    """
    close = np.abs(np.array(grid.spacing_mm) / spacing_mm - 1).max() <= _SAME
    if close and not any(side % factor for side in grid.shape):
        return grid
    where = np.argwhere(lungs)
    ends = np.array([where.min(0), where.max(0)])
    corners = np.array(
        [[ends[i, 0], ends[j, 1], ends[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    )
    points = corners @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    low, high = points.min(0) - _MARGIN_MM, points.max(0) + _MARGIN_MM
    needed = ((high - low)[::-1] / spacing_mm).tolist()  # LPS millimetres run w, h, d
    d, h, w = (
        max(side, factor * int(np.ceil(need / factor)))
        for side, need in zip(shape, needed, strict=True)
    )
    middle = (low + high) / 2
    return Grid.upright((d, h, w), spacing_mm, (middle[0], middle[1], middle[2]))


def down(volume_hu: Num[np.ndarray, "d h w"], source: Grid, target: Grid) -> Volume:
    """A scan on the model's grid; air where it ends."""
    if source is target:
        return volume_hu.astype(np.float32)
    return regrid(volume_hu.astype(np.float32) - _AIR_HU, source, target) + np.float32(_AIR_HU)


def soft_lungs(lungs: Mask, grid: Grid) -> Volume:
    """1 in the lungs, 0 outside, with a ramp inside them at the pleura."""
    from scipy.ndimage import distance_transform_edt

    if min(grid.spacing_mm) >= _EDGE_MM:
        return lungs.astype(np.float32)
    depth = distance_transform_edt(lungs, sampling=grid.spacing_mm)
    return np.asarray(np.clip(depth / _EDGE_MM, 0, 1), np.float32)


def shares_in_time(known: Sequence[float], wanted: float) -> list[tuple[int, float]]:
    """Which scans lie next to a date, and their shares by distance in time; they sum to 1."""
    after = int(np.searchsorted(known, wanted))
    if after == 0:
        return [(0, 1.0)]
    if after == len(known):
        return [(len(known) - 1, 1.0)]
    share = (wanted - known[after - 1]) / (known[after] - known[after - 1])
    return [(after - 1, 1 - share), (after, share)]
