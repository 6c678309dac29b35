"""Coronal planes of lungs: the film of a run, and pictures of registration and truth.

Fibrosis grows from the base and the back, so the plane that shows it is coronal; which one, the
change itself decides.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Num, UInt8
from PIL import Image, ImageDraw, ImageFont

from sequela.core import State, Trajectory, Video, Window
from sequela.imaging.grid import Grid
from sequela.render.display import to_display
from sequela.render.extras import Figure
from sequela.render.heat import heat_colours

Volume = Num[np.ndarray, "depth height width"]
Plane = Num[np.ndarray, "down across"]
Picture = UInt8[np.ndarray, "height width 3"]

_HEIGHT, _FILM_HEIGHT, _BAND = 300, 480, 22
_CLIP = 12
_LARGEST_HU = 400.0  # end of the scale of differences


def busiest(first: Volume, last: Volume, lungs: Bool[np.ndarray, "depth height width"]) -> int:
    """The coronal plane in which lungs change most; their middle where nothing changes."""
    change = np.abs(last.astype(np.float32) - first) * lungs
    total = change.sum(axis=(0, 2))
    if total.any():
        return int(total.argmax())
    return int(np.median(np.flatnonzero(lungs.any(axis=(0, 2)))))


def coronal(volume: Volume, index: int, grid: Grid, window: Window, height: int) -> Plane:
    """One coronal plane in 8 bits, the head up, its pixels square."""
    shown = to_display(volume[:, index], window)[::-1]
    return squared(shown, grid, height)


def lung_film(
    trajectory: Trajectory, grid: Grid, *, frames: int = _CLIP, fps: float = 16.0
) -> Video:
    """From state to state, blended linearly, in the coronal plane that changes most.

    Args:
        trajectory: A run of volumes with the lungs as its effective region.
        grid: Of the states.
        frames: K of each clip, both states counted.
        fps: Frames a second.
    """
    states = trajectory.states
    index = busiest(states[0].image, states[-1].image, trajectory.regions["effective"].array > 0)
    planes = [_cut(state, index) for state in states]
    shares = np.linspace(0, 1, frames)[1:]
    blends = [a + share * (b - a) for a, b in pairwise(planes) for share in shares]
    drawn = [_shown(plane, grid, trajectory.scan.window) for plane in [planes[0], *blends]]
    return Video(
        frames=np.stack(drawn), fps=fps, engine="linear in time", frames_per_transition=frames
    )


def registration_figure(
    baseline: Volume,
    pairs: Sequence[tuple[str, Plane, Plane]],
    grid: Grid,
    window: Window,
    index: int,
) -> Figure:
    """Each follow-up over the baseline before and after registration: baseline red, follow-up cyan.

    Args:
        baseline: All of it.
        pairs: Name, plane as the follow-up lay, plane as it was laid.
        grid: Of the baseline.
        window: Shown from black to white.
        index: The coronal plane.
    """
    here = coronal(baseline, index, grid, window, _HEIGHT)
    rows = []
    for name, before, after in pairs:
        there = [squared(to_display(p, window)[::-1], grid, _HEIGHT) for p in (before, after)]
        tiles = [_mixed(here, plane) for plane in there]
        rows.append(
            np.concatenate(
                [_titled(tiles[0], f"{name}: as it lay"), _titled(tiles[1], "registered")], axis=1
            )
        )
    return Figure(
        name="registration",
        title="Registration",
        caption=(
            "Baseline in red, follow-up in cyan: grey where they agree. Registration works inside "
            "the lungs; ribs and diaphragm are not matched and are taken from the baseline."
        ),
        picture=np.concatenate(rows),
    )


def truth_figure(
    pairs: Sequence[tuple[str, Volume, Volume]], grid: Grid, window: Window, index: int
) -> Figure:
    """Forecast, truth and their difference at some times.

    Args:
        pairs: Time in words, forecast, truth.
        grid: Of the volumes.
        window: Shown from black to white.
        index: The coronal plane.
    """
    rows = []
    for name, forecast, truth in pairs:
        gap = np.abs(forecast[:, index].astype(np.float32) - truth[:, index])
        heat = squared(heat_colours(np.clip(gap / _LARGEST_HU, 0, 1))[::-1], grid, _HEIGHT)
        tiles = [_grey(coronal(v, index, grid, window, _HEIGHT)) for v in (forecast, truth)]
        words = (f"{name}: forecast", "truth", f"|difference|, 0 to {_LARGEST_HU:g} HU")
        rows.append(
            np.concatenate(
                [_titled(t, w) for t, w in zip([*tiles, heat], words, strict=True)], axis=1
            )
        )
    return Figure(
        name="truth",
        title="Beside the truth",
        caption=(
            "This patient was drawn, so what truly came is known. The truth carries no noise; the "
            "forecast carries that of the scans it was made from."
        ),
        picture=np.concatenate(rows),
    )


def _cut(state: State, index: int) -> Float[np.ndarray, "down across"]:
    return np.asarray(state.image[:, index], np.float32)


def _shown(plane: Plane, grid: Grid, window: Window) -> Plane:
    return squared(to_display(plane, window)[::-1], grid, _FILM_HEIGHT)


def squared(
    plane: UInt8[np.ndarray, "down across *channel"],
    grid: Grid,
    height: int,
    *,
    is_label: bool = False,
) -> UInt8[np.ndarray, "height width *channel"]:
    """A coronal plane resized so that a pixel is as high as wide; labels are not blended."""
    down, _, across = grid.spacing_mm
    ratio = plane.shape[1] * across / (plane.shape[0] * down)
    size = (2 * max(1, round(height * ratio / 2)), height)
    kind = Image.Resampling.NEAREST if is_label else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(size, kind))


def _grey(plane: UInt8[np.ndarray, "h w"]) -> Picture:
    return np.repeat(plane[..., None], 3, axis=-1)


def _mixed(red: UInt8[np.ndarray, "h w"], cyan: UInt8[np.ndarray, "h w"]) -> Picture:
    return np.stack([red, cyan, cyan], axis=-1)


def _titled(picture: Picture, words: str) -> Picture:
    band = Image.new("RGB", (picture.shape[1], _BAND))
    font = ImageFont.load_default(13)
    ImageDraw.Draw(band).text((6, _BAND / 2), words, fill=(255, 255, 255), font=font, anchor="lm")
    return np.concatenate([np.asarray(band), np.asarray(picture, np.uint8)])
