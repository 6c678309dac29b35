"""Places on the retina as reports word them, told from the optic disc and the fovea.

Source of the quadrants: ETDRS Research Group, "Grading diabetic retinopathy from stereoscopic color
fundus photographs", Ophthalmology 1991: nasal and temporal, superior and inferior to the fovea.
"""

import numpy as np
from jaxtyping import Float

from sequela.conditioning.regions.fundus import Spot, find_fundus
from sequela.conditioning.regions.parts import ramp
from sequela.core import Scan

Grid = Float[np.ndarray, "height width"]
# Parts of words, so that "superotemporal" is found too.
_SPOTS = {"macul": "macula", "fove": "macula", "disc": "disc", "disk": "disc", "papill": "disc",
          "nerve": "disc"}  # fmt: skip
_HALVES = {"super": (-1, 0), "upper": (-1, 0), "infer": (1, 0), "lower": (1, 0),
           "tempor": (0, 1), "nasal": (0, -1)}  # fmt: skip
_DISC_REACH = 2.0  # radii of the disc: new vessels "at the disc" lie within one disc diameter
_PERIPHERY = 1.8  # radii of the macula from the fovea


def fundus_weight(scan: Scan, place: str) -> Grid | None:
    """1 in the places that the words name, fading to 0; None where they name none to be found."""
    found, words = find_fundus(scan), place.lower()
    disc, macula = found.disc, found.macula
    if disc is None or macula is None:
        return None
    weights = []
    spots = {name for part, name in _SPOTS.items() if part in words}
    if spots:
        near = {"macula": (macula, 1.0), "disc": (disc, _DISC_REACH)}
        weights.append(np.maximum.reduce([_about(*near[name], scan) for name in sorted(spots)]))
    for axis in (0, 1):
        signs = {half[axis] for part, half in _HALVES.items() if part in words and half[axis]}
        if len(signs) == 1:
            weights.append(_half(macula, disc, axis, signs.pop(), scan))
    if "peripher" in words:
        weights.append(1 - _about(macula, _PERIPHERY, scan))
    return np.multiply.reduce(weights) if weights else None


def _about(spot: Spot, share: float, scan: Scan) -> Grid:
    rows, columns = np.indices(scan.plane)
    off = np.hypot(rows - spot.row, columns - spot.column) / (share * spot.radius)
    return ramp((1.15 - off) / 0.3)


def _half(macula: Spot, disc: Spot, axis: int, sign: int, scan: Scan) -> Grid:
    """The half above or below the fovea, or on the temple's or the nose's side of it."""
    at = np.indices(scan.plane)[axis]
    if axis == 1:  # the disc lies on the nose's side
        sign = sign if macula.column > disc.column else -sign
    return ramp(sign * (at - (macula.row, macula.column)[axis]) / macula.radius + 0.5)
