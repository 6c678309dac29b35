"""Small figures for the benchmarks: curves and histograms as PNG, without a plotting library."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

COLOURS = ((200, 60, 40), (40, 90, 200), (40, 140, 70), (120, 60, 160))
_SIDE, _LEFT, _TOP = 420, 60, 30


def roc_figure(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """Genuine pairs accepted against impostors accepted, one line for each judge."""
    picture, draw = _canvas("impostors accepted", "genuine pairs accepted")
    draw.line([_place(0, 0), _place(1, 1)], fill=(200, 200, 200))
    for number, (name, (false, true)) in enumerate(curves.items()):
        draw.line([_place(x, y) for x, y in zip(false, true, strict=True)], COLOURS[number], 2)
        _legend(draw, number, name)
    picture.save(path)


def cumulative_figure(
    values: Mapping[str, Sequence[float]], path: Path, *, across: str, limit: float | None = None
) -> None:
    """Share of values below, one line for each group; a vertical line at the limit."""
    every = np.concatenate([np.asarray(v, float) for v in values.values()])
    low, high = float(every.min()), float(every.max())
    wide = (high - low) or 1.0
    picture, draw = _canvas(f"{across}, {low:.3f} to {high:.3f}", "share below")
    if limit is not None:
        at = (limit - low) / wide
        draw.line([_place(at, 0), _place(at, 1)], fill=(150, 150, 150))
    for number, (name, given) in enumerate(values.items()):
        places = (np.sort(np.asarray(given, float)) - low) / wide
        shares = np.arange(1, len(places) + 1) / len(places)
        line = [_place(x, y) for x, y in zip(np.repeat(places, 2), _steps(shares), strict=True)]
        draw.line(line, COLOURS[number % len(COLOURS)], 2)
        _legend(draw, number, f"{name} ({len(places)})")
    picture.save(path)


def _steps(shares: np.ndarray) -> np.ndarray:
    return np.stack([np.concatenate([[0.0], shares[:-1]]), shares], axis=1).ravel()


def _canvas(across: str, up: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", (_SIDE + _LEFT + 20, _SIDE + _TOP + 50), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle([_place(0, 1), _place(1, 0)], outline=(90, 90, 90))
    font = ImageFont.load_default(14)
    draw.text((_LEFT, _TOP + _SIDE + 22), across, fill="black", font=font)
    draw.text((8, 6), up, fill="black", font=font)
    for share in (0.0, 0.5, 1.0):
        draw.text((_LEFT - 30, _place(0, share)[1] - 8), f"{share:g}", fill="black", font=font)
    return picture, draw


def _legend(draw: ImageDraw.ImageDraw, number: int, name: str) -> None:
    colour = COLOURS[number % len(COLOURS)]
    place = (_LEFT + _SIDE - 230, _TOP + _SIDE - 30 - 20 * number)
    draw.text(place, name, fill=colour, font=ImageFont.load_default(14))


def _place(x: float, y: float) -> tuple[float, float]:
    return _LEFT + float(x) * _SIDE, _TOP + (1 - float(y)) * _SIDE
