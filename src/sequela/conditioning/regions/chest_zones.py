"""Sides and zones of the lungs as reports word them, on the grid of the film.

Left and right are the patient's: the right lung is on the image's left. Zones are thirds of the
lungs' height, as radiologists use them; a film does not show where one lobe ends.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequela.conditioning.regions.chest import find_lungs
from sequela.conditioning.regions.lungs import boxes
from sequela.conditioning.regions.parts import ramp
from sequela.core import Scan

Grid = Float[np.ndarray, "height width"]
_EDGE = 0.06  # of the lungs' height and width: what a cut fades over
_ANY = (-9.0, 9.0)
# Words that narrow nothing down.
_NEUTRAL = {
    "lung", "lungs", "lobe", "lobes", "zone", "zones", "field", "fields", "side", "angle", "angles",
    "left", "right", "both", "bilateral", "bilaterally", "and", "or", "of", "in", "at", "on", "to",
    "the",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A part of the lungs, in shares of their boxes.

    Attributes:
        down: From their top (0) to their bottom (1).
        across: From the outer side (0) to the midline (1).
        side: What the word implies, as `lingula` does the left.
    """

    down: tuple[float, float] = _ANY
    across: tuple[float, float] = _ANY
    side: str | None = None


_UPPER, _MIDDLE, _LOWER = Zone(down=(-9, 0.40)), Zone(down=(0.30, 0.70)), Zone(down=(0.60, 9))
_APEX, _BASE = Zone(down=(-9, 0.28)), Zone(down=(0.66, 9))
_OUTER, _INNER = Zone(across=(-9, 0.50)), Zone(across=(0.45, 9))
_HILAR = Zone(down=(0.20, 0.80), across=(0.45, 9))
ZONES = {
    "upper": _UPPER, "superior": _UPPER, "apical": _APEX, "apex": _APEX, "apices": _APEX,
    "middle lobe": Zone(down=(0.35, 0.85), side="right"),
    "lingula": Zone(down=(0.40, 0.90), side="left"),
    "middle": _MIDDLE, "mid": _MIDDLE, "midzone": _MIDDLE, "midlung": _MIDDLE,
    "lower": _LOWER, "inferior": _LOWER, "basal": _BASE, "basilar": _BASE, "base": _BASE,
    "bases": _BASE, "bibasal": _BASE, "bibasilar": _BASE,
    "costophrenic": Zone(down=(0.66, 9), across=(-9, 0.85)),
    "retrocardiac": Zone(down=(0.50, 9), across=(0.30, 9), side="left"),
    "peripheral": _OUTER, "lateral": _OUTER, "subpleural": _OUTER, "outer": _OUTER,
    "central": _INNER, "medial": _INNER, "inner": _INNER,
    "perihilar": _HILAR, "hilar": _HILAR, "hila": _HILAR, "hilum": _HILAR,
    "mediastinum": Zone(across=(0.85, 9)), "mediastinal": Zone(across=(0.85, 9)),
}  # fmt: skip
"""Words of a report to parts of the lungs; longer words are looked for first."""


def zones_in(place: str) -> tuple[list[Zone], str]:
    """The zones that a place's words name, and what of them nobody knows."""
    letters = "".join(letter if letter.isalnum() else " " for letter in place.lower())
    rest = f" {'  '.join(letters.split())} "
    zones = []
    for word in sorted(ZONES, key=len, reverse=True):
        spaced = f" {word.replace(' ', '  ')} "
        if spaced in rest:
            zones.append(ZONES[word])
            rest = rest.replace(spaced, " ")
    return zones, " ".join(word for word in rest.split() if word not in _NEUTRAL)


def chest_weight(scan: Scan, side: str | None, zones: list[Zone]) -> Grid | None:
    """1 on that side and in any of those zones, fading to 0; None where nothing narrows."""
    implied = {zone.side for zone in zones}
    if side is None and len(implied) == 1:
        side = implied.pop()
    if side in (None, "both") and not zones:
        return None
    down, across = _places(scan)
    weight = np.ones(scan.plane, dtype=np.float32)
    if zones:
        outwards = 1 - np.abs(across)
        parts = [_between(down, z.down) * _between(outwards, z.across) for z in zones]
        weight = np.maximum.reduce(parts)
    if side in ("left", "right"):
        weight = weight * ramp((across if side == "left" else -across) / _EDGE + 0.5)
    return weight


def _between(share: Grid, span: tuple[float, float]) -> Grid:
    rise, fall = (share - span[0]) / _EDGE + 0.5, (span[1] - share) / _EDGE + 0.5
    return np.asarray(np.minimum(ramp(rise), ramp(fall)))


def _places(scan: Scan) -> tuple[Grid, Grid]:
    """How far down the lungs each pixel lies, and how far across, in shares of their boxes.

    Across is counted from the midline: towards the patient's left above 0, to the right below.
    """
    lungs = find_lungs(scan)
    box, turn = boxes(lungs.pair[None], lungs.film.content)
    (right, left), (x, y, tilt) = box[0], turn[0]
    scale = np.array(lungs.film.contrast.shape) / np.array(scan.plane)
    rows = (np.arange(scan.plane[0])[:, None] + 0.5) * scale[0] - y
    columns = (np.arange(scan.plane[1])[None] + 0.5) * scale[1] - x
    height = -np.sin(tilt) * columns + np.cos(tilt) * rows + y
    level = np.cos(tilt) * columns + np.sin(tilt) * rows + x
    middle = (right[1] + left[1]) / 2
    on_right = level < middle
    width = np.where(on_right, middle - right[0], left[0] - middle)
    top, bottom = (np.where(on_right, right[i], left[i]) for i in (2, 3))
    return (height - top) / (bottom - top), (level - middle) / width
