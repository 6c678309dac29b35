"""Distances to simple solids in millimetres, negative inside, and how they cover voxels."""

from itertools import pairwise

import numpy as np
from jaxtyping import Float

Field = Float[np.ndarray, "*space"]
At = tuple[np.ndarray, np.ndarray, np.ndarray]  # millimetres to the left, to the back, upwards
Triple = tuple[float, float, float]


def egg(at: At, centre: Triple, half: Triple) -> Field:
    """Distance to an ellipsoid along the ray from its centre."""
    x, y, z = (axis - axis.dtype.type(middle) for axis, middle in zip(at, centre, strict=True))
    a, b, c = (at[0].dtype.type(1 / h**2) for h in half)
    xx, yy, zz = x * x, y * y, z * z
    level = np.sqrt(a * xx + b * yy + c * zz) + at[0].dtype.type(1e-6)
    return np.asarray(np.sqrt(xx + yy + zz) * (1 - 1 / level))


def post(at: At, centre: tuple[float, float], half: tuple[float, float]) -> Field:
    """Distance to an upright elliptic cylinder."""
    x, y = (axis - axis.dtype.type(middle) for axis, middle in zip(at, centre, strict=False))
    xx, yy = x * x, y * y
    inverse = [at[0].dtype.type(1 / h**2) for h in half]
    level = np.sqrt(inverse[0] * xx + inverse[1] * yy) + at[0].dtype.type(1e-6)
    return np.asarray(np.sqrt(xx + yy) * (1 - 1 / level))


def tube(at: At, path: tuple[Triple, ...], radius: float) -> Field:
    """Distance to a chain of capsules."""
    nearest = np.full(at[0].shape, np.inf, at[0].dtype)
    for start, end in pairwise(path):
        u, v, w = along = np.subtract(end, start).astype(at[0].dtype)
        x, y, z = (axis - axis.dtype.type(first) for axis, first in zip(at, start, strict=True))
        share = np.clip((x * u + y * v + z * w) / (along @ along), 0, 1)
        x, y, z = x - share * u, y - share * v, z - share * w
        np.minimum(nearest, x * x + y * y + z * z, out=nearest)
    return np.asarray(np.sqrt(nearest) - at[0].dtype.type(radius))


def cover(distance: Field, blur_mm: float) -> Field:
    """Share of a voxel that lies inside, from 1 to 0 over `blur_mm` across the surface."""
    return np.asarray(np.clip(0.5 - distance / np.float32(blur_mm), 0, 1))


def lay(image: Field, value: Field | float, share: Field) -> None:
    """Lay a tissue of some HU over an image, in place, by its share of each voxel."""
    image += share * (value - image)
