"""A chest in closed form: skin, rib cage, mediastinum, diaphragm, lungs with their lobes.

Textbook proportions, in millimetres to the left, to the back and upwards from the middle of the
chest. Being a formula, it can be asked on any grid. No image of a person went into it.
"""

from functools import reduce

import numpy as np

from sequela.cohorts.synthetic.lungs.build import Build
from sequela.cohorts.synthetic.lungs.solids import At, Field, Triple, egg, post, tube

SPINE = (0.0, 72.0)
AORTA: tuple[Triple, ...] = (
    (8, -18, 5), (8, -22, 38), (14, 4, 52), (22, 40, 44),
    (22, 48, 10), (18, 46, -60), (12, 46, -130),
)  # fmt: skip
TRACHEA: tuple[Triple, ...] = ((0, 20, 140), (-1, 22, 60), (-3, 22, 22))
BRONCHI: tuple[tuple[Triple, ...], ...] = (
    ((-3, 22, 22), (-26, 22, 4), (-40, 20, -8)),
    ((-3, 22, 22), (26, 22, 0), (44, 22, -6)),
)
HILA: tuple[Triple, Triple] = ((-34, 14, 0), (36, 16, 2))
LOBES = ("right upper", "right middle", "right lower", "left upper", "left lower")
_TOP, _WAIST = 112.0, -60.0


def body(at: At, build: Build) -> Field:
    """Distance to the skin."""
    outline = cavity(at, build, grow=26.0 + build.fat_mm)
    if not build.breast:
        return outline
    size = 34.0 * build.breast
    breasts = [egg(at, (side, -104.0, -28.0), (1.7 * size, size, 1.5 * size)) for side in (-70, 70)]
    return np.asarray(np.minimum(outline, np.minimum(*breasts)))


def cavity(at: At, build: Build, *, grow: float = 0.0) -> Field:
    """Distance to the inside of the rib cage, or to the same shape grown by some millimetres."""
    x, y, z = at
    up = np.maximum(z - np.float32(_WAIST), 0)
    # the top of a grown cage rises more: shoulders
    top = _TOP - _WAIST + 2.5 * grow
    power = np.float32(build.squareness)
    flat = 0.86 if grow else 1.0
    level = (np.abs(x) / np.float32(126 + grow)) ** power
    level += (np.abs(y + 4 - flat * up * np.float32(0.05)) / np.float32(103 + flat * grow)) ** power
    level = (level + (up / np.float32(top)) ** np.float32(2.5)) ** (1 / power)
    reach = np.sqrt(x * x + y * y + up * up)
    return np.asarray(reach * (1 - 1 / (level + np.float32(1e-4))))


def diaphragm(at: At, build: Build) -> Field:
    """Millimetres below the diaphragm, negative above it."""
    x, y, z = at
    left = x > 0
    top = np.where(left, np.float32(build.domes_mm[1]), np.float32(build.domes_mm[0]))
    across = (np.abs(x) - 62) / np.float32(66)
    along = (y + 22) / np.float32(84)
    away = across * across + along * along
    return np.asarray(top - np.float32(build.dome_drop) * away ** np.float32(1.15) - z)


def heart(at: At, build: Build) -> Field:
    """Distance to the heart, its long axis to the left and to the front."""
    x, y, z = at
    turned = (x * 0.8 - (y + 26) * 0.45 + (z + 40) * -0.25, y + 34 + 0.35 * x - 6, z + 40 + 0.3 * x)
    size = build.heart
    return egg(turned, (12, 0, 0), (64 * size, 50 * size, 54 * size))


def mediastinum(at: At, build: Build) -> Field:
    """Distance to what lies between the lungs, heart and spine among it."""
    x, y, _ = at
    # above the heart a pedicle of vessels, in front of it only a thin line of fat
    pedicle = egg(at, (2, 2, 66), (33, 44, 86))
    front = np.maximum(np.abs(x - 4) - (4 + 0.15 * np.maximum(-(y + 72), 0)), y)
    behind = np.maximum(np.abs(x - 4) - 9, -y)
    hila = [egg(at, centre, (15, 19, 24)) for centre in HILA]
    parts = [heart(at, build), pedicle, front, behind, *hila, tube(at, AORTA, 15), spine(at)]
    return np.asarray(reduce(np.minimum, parts))


def spine(at: At) -> Field:
    """Distance to the vertebrae with the muscle around them."""
    return np.asarray(np.minimum(post(at, SPINE, (25, 20)), post(at, (0, 102), (42, 32))))


def lungs(at: At, build: Build) -> Field:
    """Distance to the pleura, negative inside either lung."""
    parts = [cavity(at, build), -mediastinum(at, build), diaphragm(at, build)]
    return np.asarray(reduce(np.maximum, parts))


def fissures(at: At) -> tuple[Field, Field]:
    """Millimetres above the oblique and above the horizontal fissure."""
    _, y, z = at
    bend = 8 * np.sin(y / np.float32(40))
    return np.asarray((z - 2 - 0.95 * y) * 0.72), np.asarray(z - 2 + 0.15 * bend)


def lobes(at: At) -> np.ndarray:
    """Index into `LOBES` for each point, as if all of it were lung."""
    oblique, horizontal = fissures(at)
    right = np.where(oblique < 0, 2, np.where(horizontal < 0, 1, 0))
    return np.where(at[0] > 0, np.where(oblique < 0, 4, 3), right)
