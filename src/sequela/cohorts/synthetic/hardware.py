"""Radio-opaque hardware of known place, drawn into a real film.

What metal and barium-striped plastic do to a film, in a simple form: they take light away, so the
film gets whiter by a share of what is left to white, with edges as sharp as the film's own blur.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from scipy.interpolate import CubicSpline

from sequela.core.checks import check_choice

Film = Float[np.ndarray, "height width"]
Mask = Bool[np.ndarray, "height width"]
Parts = tuple[Film, Film]  # whitening by lines and by bodies
_UNIT = 512  # all lengths below are in pixels of a film whose longer side has that many
_DRAWN = 0.5  # share of the full whitening from which on a pixel counts as hardware


@dataclass(frozen=True, kw_only=True, eq=False)
class Hardware:
    """A film with one piece of hardware.

    Attributes:
        film: Grey in [0, 1].
        lines: Where its wires and tubes are.
        bodies: Where its housing or electrode is.
        kind: `wire`, `generator`, `tube` or `sticker`.
        contrast: Share of the way to white that it takes the film.
    """

    film: Film
    lines: Mask
    bodies: Mask
    kind: str
    contrast: float

    @property
    def mask(self) -> Mask:
        """All of it."""
        return np.asarray(self.lines | self.bodies)


def draw_hardware(film: Film, kind: str, draw: np.random.Generator) -> Hardware:
    """One piece of hardware of random path, size and contrast.

    Args:
        film: Grey in [0, 1].
        kind: One of `KINDS`.
        draw: Source of everything random.

    Raises:
        UnknownNameError: No such kind.
    """
    check_choice("kind", kind, KINDS)
    low, high = CONTRASTS[kind]
    contrast = float(draw.uniform(low, high))
    height, width = film.shape
    lines, bodies = (np.clip(part, 0, 1) for part in KINDS[kind]((height, width), draw))
    drawn = film + contrast * np.maximum(lines, bodies) * (1 - film)
    return Hardware(
        film=np.clip(drawn, 0, 1).astype(np.float32),
        lines=lines > _DRAWN,
        bodies=bodies > _DRAWN,
        kind=kind,
        contrast=contrast,
    )


def _wire(shape: tuple[int, int], draw: np.random.Generator) -> Parts:
    """A curve of 2 to 4 px, from one side of the chest to somewhere else in it."""
    line = _along(_path(shape, draw), shape, width=draw.uniform(1.8, 4.0))
    return line, np.zeros_like(line)


def _generator(shape: tuple[int, int], draw: np.random.Generator) -> Parts:
    """A rounded box of 3 to 7 cm below a clavicle, and its lead to the heart."""
    unit = max(shape) / _UNIT
    left = draw.random() < 0.5
    centre = np.array([draw.uniform(0.18, 0.34), draw.uniform(0.68, 0.86)]) * shape
    if left:
        centre[1] = shape[1] - centre[1]
    half = np.array([draw.uniform(17, 32), draw.uniform(20, 38)]) * unit
    turn = draw.uniform(-0.5, 0.5)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    offset = np.stack([rows - centre[0], columns - centre[1]])
    along = np.cos(turn) * offset[0] + np.sin(turn) * offset[1]
    across = -np.sin(turn) * offset[0] + np.cos(turn) * offset[1]
    # a superellipse: between a box and a disk, as real housings are
    level = (np.abs(along) / half[0]) ** 4 + (np.abs(across) / half[1]) ** 4
    box = np.clip((1 - level) * 0.15 * half.min() / unit, 0, 1)
    heart = np.array([draw.uniform(0.6, 0.72), draw.uniform(0.45, 0.6)]) * shape
    middle = np.array([draw.uniform(0.2, 0.4), draw.uniform(0.42, 0.58)]) * shape
    lead = _along(np.stack([centre, middle, heart]), shape, width=draw.uniform(2.0, 3.5))
    return lead, box


def _tube(shape: tuple[int, int], draw: np.random.Generator) -> Parts:
    """Two faint walls and a bright stripe, coming down the midline."""
    across = draw.uniform(0.44, 0.56)
    ends = [
        (0.0, across),
        (0.2, across + 0.02),
        (draw.uniform(0.35, 0.9), draw.uniform(0.42, 0.58)),
    ]
    path = np.array(ends) * shape
    outer, width = draw.uniform(7, 12), draw.uniform(1.8, 2.6)
    walls = _along(path, shape, width=outer) - _along(path, shape, width=outer - 3)
    line = np.maximum(0.35 * np.clip(walls, 0, 1), _along(path, shape, width=width))
    return line, np.zeros_like(line)


def _sticker(shape: tuple[int, int], draw: np.random.Generator) -> Parts:
    """A disk of an electrode with its short clip."""
    unit = max(shape) / _UNIT
    centre = draw.uniform(0.15, 0.85, 2) * shape
    radius = draw.uniform(4, 8) * unit
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    distance = np.hypot(rows - centre[0], columns - centre[1])
    disk = np.clip((radius - distance) / unit + 0.5, 0, 1)
    angle = draw.uniform(0, 2 * np.pi)
    tip = centre + 4 * radius * np.array([np.sin(angle), np.cos(angle)])
    return _along(np.stack([centre, tip]), shape, width=2.5), disk


def _path(shape: tuple[int, int], draw: np.random.Generator) -> Float[np.ndarray, "corner 2"]:
    first = np.array(
        [draw.uniform(0.0, 0.3), draw.choice([0.08, 0.92]) + draw.uniform(-0.08, 0.08)]
    )
    last = draw.uniform([0.4, 0.25], [0.95, 0.75])
    between = (first + last) / 2 + draw.normal(0, 0.12, 2)
    return np.asarray(np.clip(np.stack([first, between, last]), 0.01, 0.99) * shape)


def _along(path: Float[np.ndarray, "corner 2"], shape: tuple[int, int], *, width: float) -> Film:
    """1 within half the width of a smooth curve through the corners, 0 from a pixel further on."""
    unit = max(shape) / _UNIT
    knots = np.linspace(0, 1, len(path))
    length = float(np.hypot(*np.diff(path, axis=0).T).sum())
    points = CubicSpline(knots, path)(np.linspace(0, 1, max(2, int(3 * length))))
    points = np.rint(points).astype(int)
    inside = ((points >= 0) & (points < shape)).all(axis=1)
    off = np.ones(shape, bool)
    off[tuple(points[inside].T)] = False
    distance = ndimage.distance_transform_edt(off)
    return np.asarray(np.clip(width * unit / 2 - distance + 0.5, 0, 1))


KINDS: dict[str, Callable[[tuple[int, int], np.random.Generator], Parts]] = {
    "generator": _generator,
    "sticker": _sticker,
    "tube": _tube,
    "wire": _wire,
}
CONTRASTS = {  # from just visible to plain
    "generator": (0.35, 0.85),
    "sticker": (0.25, 0.8),
    "tube": (0.12, 0.45),
    "wire": (0.12, 0.7),
}
