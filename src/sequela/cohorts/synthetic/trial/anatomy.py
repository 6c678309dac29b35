"""A brain phantom in closed form: what tissue is at a point of the atlas, in millimetres.

Cortex with folds, white matter, deep grey nuclei, ventricles, cerebellum, brain stem, placed as in
MNI space from textbook coordinates, so that lesion maps of that space fit. Being a formula, it can
be asked on any grid. No image of a person went into it.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

Distance = Float[np.ndarray, "*space"]  # millimetres, negative inside
Points = Float[np.ndarray, "*space 3"]
Fields = Float[np.ndarray, "3 *space"]  # from the midline, to the front, upwards
REGIONS = ("periventricular", "subcortical", "juxtacortical", "infratentorial")
# centre and half axes in millimetres: from the midline, to the front, upwards
_CEREBRUM = ((0, -16, 16), (69, 88, 63))
_TEMPORAL = ((40, -12, -18), (27, 46, 26))
_CEREBELLUM = ((22, -63, -36), (31, 26, 22))
_THALAMUS = ((11, -18, 8), (9, 14, 8))
_CAUDATE = ((14, 13, 10), (5, 13, 8))
_PUTAMEN = ((26, 3, 1), (6, 17, 11))
# tubes: points along the middle, and their radius
_STEM = (((0, -22, -6), (0, -30, -30), (0, -42, -68)), 13.0)
_HORNS = (
    (((13, 33, 4), (7, 14, 16), (8, -10, 23), (16, -32, 20), (26, -42, 8)), 4.5),
    (((26, -42, 8), (24, -60, 8), (21, -74, 6)), 3.0),
    (((26, -42, 8), (35, -28, -8), (31, -12, -20)), 2.5),
)
_THIRD = (((0, 2, 0), (0, -14, 6), (0, -26, 2)), 2.2)
_FOURTH = (((0, -40, -26), (0, -44, -38)), 4.5)
_SYLVIAN = (((40, 16, -8), (52, -6, 4), (58, -26, 14)), 2.2)


@dataclass(frozen=True, kw_only=True, eq=False)
class Folds:
    """One patient's cortex: a sum of plane waves whose zero level is the sulci.

    Attributes:
        waves: Wave vectors, radians a millimetre.
        phases: Of each wave.
        amplitudes: Of each wave; the sum has standard deviation 1.
    """

    waves: Float[np.ndarray, "wave 3"]
    phases: Float[np.ndarray, " wave"]
    amplitudes: Float[np.ndarray, " wave"]

    @classmethod
    def draw(cls, rng: np.random.Generator, *, count: int = 20, period_mm: float = 24.0) -> "Folds":
        """Waves in all directions, of about one period."""
        direction = rng.standard_normal((count, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        length = 2 * np.pi / (period_mm * rng.uniform(0.8, 1.25, (count, 1)))
        weight = rng.uniform(0.6, 1.4, count)
        return cls(
            waves=(direction * length).astype(np.float32),
            phases=rng.uniform(0, 2 * np.pi, count).astype(np.float32),
            amplitudes=(weight * np.sqrt(2 / (weight**2).sum())).astype(np.float32),
        )

    def __call__(self, points: Points) -> Distance:
        """The sum of the waves at points."""
        level = np.zeros(points.shape[:-1], np.float32)
        for wave, phase, amplitude in zip(self.waves, self.phases, self.amplitudes, strict=True):
            level += amplitude * np.cos(points @ wave + phase)
        return level

    @property
    def slope(self) -> float:
        """Typical change of the sum in a millimetre across a sulcus."""
        return float(np.sqrt((self.amplitudes**2 * (self.waves**2).sum(1)).sum() / 2) / np.sqrt(3))


def brain(points: Points) -> Distance:
    """Signed distance to the brain's outer surface, about."""
    at = _folded(points)
    cerebrum = np.maximum(_egg(at, _CEREBRUM), -(at[2] + 28 - 0.12 * at[1]))
    parts = (_egg(at, _TEMPORAL), _egg(at, _CEREBELLUM), _tube(at, *_STEM))
    return np.asarray(np.minimum.reduce([cerebrum, *parts]))


def ventricles(points: Points, size: float = 1.0) -> Distance:
    """Signed distance to the ventricles; `size` widens the lateral and third ones."""
    at = _folded(points)
    horns = [_tube(at, path, radius * size) for path, radius in _HORNS]
    third = _tube(at, _THIRD[0], _THIRD[1] * size)
    return np.asarray(np.minimum.reduce([*horns, third, _tube(at, *_FOURTH)]))


def nuclei(points: Points) -> Distance:
    """Signed distance to thalamus, caudate and putamen."""
    at = _folded(points)
    return np.asarray(
        np.minimum.reduce([_egg(at, part) for part in (_THALAMUS, _CAUDATE, _PUTAMEN)])
    )


def fissures(points: Points) -> Distance:
    """Signed distance to the cleft between the hemispheres and the Sylvian fissures."""
    at = _folded(points)
    # the corpus callosum and what lies below it bridge the cleft
    bridge = _egg(at, ((0, -8, 2), (40, 40, 27)))
    cleft = np.maximum(at[0] - 0.7, np.maximum(-bridge, -6 - at[2]))
    return np.asarray(np.minimum(cleft, _tube(at, *_SYLVIAN)))


def infratentorial(points: Points) -> np.ndarray:
    """Whether points lie in cerebellum or brain stem."""
    at = _folded(points)
    below = np.minimum(_egg(at, _CEREBELLUM), _tube(at, *_STEM)) < 0
    return np.asarray(below & (at[2] < -10))


def holds_lesions(points: Points) -> np.ndarray:
    """Whether the phantom can show a lesion there: inside the brain, outside its ventricles."""
    return np.asarray((brain(points) < -3) & (ventricles(points) > 0.5) & (fissures(points) > 1))


def region_of(points: Points) -> np.ndarray:
    """Index into `REGIONS` for each point: below the tentorium, near ventricles, near cortex."""
    near = np.asarray(ventricles(points) < 8)
    edge = np.minimum(-brain(points), fissures(points)) < 12
    region = np.where(near, 0, np.where(edge, 2, 1))
    return np.asarray(np.where(infratentorial(points), 3, region))


def _folded(points: Points) -> Fields:
    """LPS points to three fields: from the midline, to the front, upwards; halves are mirrored."""
    x, y, z = np.moveaxis(points, -1, 0)
    return np.stack([np.abs(x), -y, z])


def _egg(at: Fields, shape: tuple[tuple[int, ...], tuple[int, ...]]) -> Distance:
    """Distance along the ray from the centre of an ellipsoid to its surface."""
    x, y, z = (axis - axis.dtype.type(middle) for axis, middle in zip(at, shape[0], strict=True))
    a, b, c = (at.dtype.type(1 / half**2) for half in shape[1])
    level = np.sqrt(a * x * x + b * y * y + c * z * z) + at.dtype.type(1e-6)
    return np.asarray(np.sqrt(x * x + y * y + z * z) * (1 - 1 / level))


def _tube(at: Fields, path: tuple[tuple[int, ...], ...], radius: float) -> Distance:
    """Distance to a chain of capsules."""
    nearest = np.full(at.shape[1:], np.inf, at.dtype)
    for start, end in pairwise(path):
        u, v, w = along = np.subtract(end, start).astype(at.dtype)
        x, y, z = (axis - at.dtype.type(first) for axis, first in zip(at, start, strict=True))
        share = np.clip((x * u + y * v + z * w) / (along @ along), 0, 1)
        x, y, z = x - share * u, y - share * v, z - share * w
        np.minimum(nearest, x * x + y * y + z * z, out=nearest)
    return np.asarray(np.sqrt(nearest) - at.dtype.type(radius))
