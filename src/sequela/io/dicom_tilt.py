"""Volumes of a tilted gantry, sheared as they were scanned, set upright."""

import numpy as np
from jaxtyping import Float

from sequela.imaging.grid import Grid, turned
from sequela.imaging.regrid import regrid

_AIR_HU = -1024.0  # laid where a volume that was sheared upright has no value
_TILT_DEG = 0.5


def upright(
    array: np.ndarray, affine: Float[np.ndarray, "4 4"]
) -> tuple[np.ndarray, Float[np.ndarray, "4 4"], list[str]]:
    """Axes to superior, posterior, left; a volume of a tilted gantry resampled to right angles."""
    array, affine = turned(array, affine)
    steps = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    normal = np.cross(steps[:, 1], steps[:, 2])
    tilt = float(np.degrees(np.arccos(min(1.0, abs(float(steps[:, 0] @ normal))))))
    if tilt <= _TILT_DEG:
        return array, affine, []
    source = Grid(shape=array.shape, affine=affine)
    target = _straight(source, normal)
    values = regrid(array.astype(np.float32) - _AIR_HU, source, target) + _AIR_HU
    if array.dtype.kind == "i":
        values = np.rint(values).astype(array.dtype)
    words = f"The gantry was tilted by {tilt:.1f} degrees; slices were resampled to right angles."
    return values, target.affine, [words]


def _straight(source: Grid, normal: Float[np.ndarray, " 3"]) -> Grid:
    """The grid at right angles that holds all of a sheared one, with its steps."""
    affine = source.affine.copy()
    up = normal * np.sign(normal @ affine[:3, 0])
    affine[:3, 0] = up * float(affine[:3, 0] @ up)
    steps = affine[:3, :3]
    corners = np.array([[d, h, w] for d in (0, 1) for h in (0, 1) for w in (0, 1)])
    places = corners * (np.array(source.shape) - 1) @ source.affine[:3, :3].T
    indices = places @ np.linalg.inv(steps).T
    low, high = np.floor(indices.min(0) + 1e-6), np.ceil(indices.max(0) - 1e-6)
    affine[:3, 3] = source.affine[:3, 3] + steps @ low
    depth, height, width = (int(v) for v in high - low + 1)
    return Grid(shape=(depth, height, width), affine=affine)
