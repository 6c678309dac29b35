"""Known-truth progressions: two states whose true frames between are known, because they are drawn.

No archive holds what a patient looked like between two visits. Here a disc grows, an opacity drifts
and condenses, or a border moves, before a background that belongs to the patient and stays, so
whatever draws the frames between can be held against what was really there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter, map_coordinates

from sequela.core.checks import check_choice, check_count, check_finite

Plane = Float[np.ndarray, "height width"]
_EDGE_PX = 0.7  # half the width of a drawn edge: what a detector's own blur leaves


@dataclass(frozen=True, kw_only=True, eq=False)
class Progression:
    """One drawn patient.

    Attributes:
        kind: `growing-disc`, `drifting-opacity` or `moving-border`.
        seed: What it was drawn from.
        truth: The frames without noise, [-1, 1]; the first and last belong to the states.
        first: The first state as a detector saw it, with noise.
        last: The last state, with other noise.
    """

    kind: str
    seed: int
    truth: Float[np.ndarray, "frame 1 height width"] = field(repr=False)
    first: Float[np.ndarray, "1 height width"] = field(repr=False)
    last: Float[np.ndarray, "1 height width"] = field(repr=False)


def draw_progression(
    kind: str, *, seed: int, frames: int = 9, size: int = 128, noise: float = 0.0
) -> Progression:
    """One progression; the same seed draws the same one.

    Args:
        kind: A name in `PROGRESSIONS`.
        seed: Whole number >= 0: background, place, size and speed follow it.
        frames: Of the truth, both states counted; evenly spaced.
        size: Side of the square in pixels.
        noise: Standard deviation of the states' own noise on the scale from -1 to 1; neighbouring
            visits share none of it.

    Raises:
        UnknownNameError: `kind` is no known progression.
    """
    check_choice("kind", kind, PROGRESSIONS)
    check_count("seed", seed, minimum=0)
    check_count("frames", frames, minimum=2, hint="Both states are counted.")
    check_count("size", size, minimum=16)
    check_finite("noise", noise, minimum=0.0)
    rng = np.random.default_rng([seed, sorted(PROGRESSIONS).index(kind)])
    draw = PROGRESSIONS[kind](rng, size)
    drawn = np.stack([draw(float(w)) for w in np.linspace(0, 1, frames)])[:, None]
    truth = np.clip(drawn, -1, 1).astype(np.float32)
    seen = truth[[0, -1]] + noise * rng.standard_normal((2, *truth.shape[1:])).astype(np.float32)
    first, last = np.clip(seen, -1, 1)
    return Progression(kind=kind, seed=seed, truth=truth, first=first, last=last)


def _growing_disc(rng: np.random.Generator, size: int) -> Callable[[float], Plane]:
    """A nodule of its own texture grows before the background, and stays where it is."""
    background, own = _texture(rng, size), _texture(rng, size)
    centre = rng.uniform(0.35, 0.65, 2) * size
    small, large = rng.uniform(0.10, 0.16) * size, rng.uniform(0.2, 0.28) * size
    brightness = rng.uniform(0.4, 0.7)

    def at(weight: float) -> Plane:
        radius = small + weight * (large - small)
        down, across = _grid(size)
        inside = _inside(radius - np.hypot(down - centre[0], across - centre[1]))
        # the texture grows with the nodule, as tissue does
        grown = _sampled(own, centre, large / radius)
        return np.asarray(background + inside * (brightness + 0.5 * grown - background))

    return at


def _drifting_opacity(rng: np.random.Generator, size: int) -> Callable[[float], Plane]:
    """A soft, translucent cloud moves across the background and becomes denser."""
    background = _texture(rng, size)
    start = rng.uniform(0.3, 0.7, 2) * size
    angle = rng.uniform(0, 2 * np.pi)
    path = rng.uniform(0.08, 0.14) * size * np.array([np.sin(angle), np.cos(angle)])
    width = rng.uniform(0.07, 0.11, 2) * size
    first, last = rng.uniform(0.4, 0.6), rng.uniform(0.7, 0.9)

    def at(weight: float) -> Plane:
        down, across = _grid(size)
        centre = start + weight * path
        away = ((down - centre[0]) / width[0]) ** 2 + ((across - centre[1]) / width[1]) ** 2
        return np.asarray(background + (first + weight * (last - first)) * np.exp(-away / 2))

    return at


def _moving_border(rng: np.random.Generator, size: int) -> Callable[[float], Plane]:
    """A bright organ with a curved border advances over a dark field, as a heart widens."""
    field_, organ = _texture(rng, size), _texture(rng, size)
    start, path = rng.uniform(0.3, 0.45) * size, rng.uniform(0.08, 0.16) * size
    bend, phase = rng.uniform(0.04, 0.08) * size, rng.uniform(0, 2 * np.pi)

    def at(weight: float) -> Plane:
        down, across = _grid(size)
        border = start + weight * path + bend * np.sin(2 * np.pi * down / size + phase)
        inside = _inside(border - across)
        # the organ's own texture is carried along by its border
        moved = _sampled(organ, np.zeros(2), 1.0, shift=np.array([0.0, weight * path]))
        return np.asarray(field_ - 0.3 + inside * (0.7 + 0.5 * moved - field_))

    return at


PROGRESSIONS: dict[str, Callable[[np.random.Generator, int], Callable[[float], Plane]]] = {
    "growing-disc": _growing_disc,
    "drifting-opacity": _drifting_opacity,
    "moving-border": _moving_border,
}


def _grid(size: int) -> tuple[Plane, Plane]:
    down, across = np.mgrid[0:size, 0:size].astype(np.float64)
    return down, across


def _inside(distance_px: Plane) -> Plane:
    """1 within, 0 beyond, with an edge as soft as a detector makes it."""
    return np.asarray(0.5 * (1 + np.tanh(distance_px / _EDGE_PX)))


def _texture(rng: np.random.Generator, size: int) -> Plane:
    """Soft tissue: structure at two scales, mean 0, mostly within 0.4 of it."""
    coarse, fine = (
        gaussian_filter(rng.standard_normal((size, size)), sigma, mode="wrap")
        for sigma in (size / 16, 1.2)
    )
    return np.asarray(0.15 * coarse / coarse.std() + 0.06 * fine / fine.std())


def _sampled(
    texture: Plane,
    centre: Float[np.ndarray, " two"],
    scale: float,
    shift: Float[np.ndarray, " two"] | None = None,
) -> Plane:
    """A texture scaled about a centre and shifted, repeated beyond its border."""
    places = np.stack(_grid(len(texture))).reshape(2, -1)
    moved = (places - (0 if shift is None else shift[:, None])) - centre[:, None]
    at = centre[:, None] + scale * moved
    return np.asarray(map_coordinates(texture, at, order=3, mode="grid-wrap")).reshape(
        texture.shape
    )
