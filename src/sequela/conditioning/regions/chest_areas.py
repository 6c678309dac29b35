"""Where each finding of a chest film usually shows, in the boxes of the lungs that were found.

Sources, by the letters in the table:
    F  Hansell et al., "Fleischner Society: Glossary of Terms for Thoracic Imaging", Radiology 2008
    D  Danzer, "The Cardiothoracic Ratio", Am J Med Sci 1919: the heart grows to both sides,
       more to the left, and rests on the diaphragm
    B  Blackmore et al., "Pleural Fluid Volume Estimation", Acad Radiol 1996: fluid first fills
       the costophrenic angles, then hides the diaphragm
    G  Gluecker et al., "Clinical and Radiologic Features of Pulmonary Edema", RadioGraphics 1999:
       from the hila outwards, lower more than upper, the periphery spared longest
    W  Woodring and Reed, "Types and Mechanisms of Pulmonary Atelectasis", J Thorac Imaging 1996:
       plates and lobes, most often at the bases
    O  O'Connor and Morgan, "Radiological review of pneumothorax", BMJ 2005: upright, air gathers
       at the apex and along the outer wall
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sequela.conditioning.regions.chest import Lungs
from sequela.conditioning.regions.lungs import Outline, inside, place
from sequela.conditioning.regions.parts import depth, grown


@dataclass(frozen=True, kw_only=True)
class ChestArea:
    """A part of both lung fields, or an outline of its own.

    Places are shares of each lung's box: across from its outer side (0) to the midline (1), down
    from its top (0) to its bottom (1). Lengths are shares of the square root of a lung's area.

    Attributes:
        across: From where to where.
        down: From where to where.
        growth: How far it reaches over the lung's border.
        below: How far it reaches below the lung, into what hides under the diaphragm.
        rim: How deep it reaches from the lung's border; None is all of the lung.
        outlines: Drawn instead of the lungs: corners in the right and in the left lung's box.
        source: Letters of the sources above.
    """

    across: tuple[float, float] = (-1.0, 2.0)
    down: tuple[float, float] = (-1.0, 2.0)
    growth: float = 0.0
    below: float = 0.0
    rim: float | None = None
    outlines: tuple[Outline, Outline] | None = None
    source: str = "F"


# The shadow between the lungs with the room a heart grows into, and the place behind it.
_HEART = (
    ((1.30, 0.36), (0.92, 0.38), (0.74, 0.48), (0.62, 0.62), (0.58, 0.78), (0.64, 0.90),
     (0.80, 0.97), (1.30, 0.99)),
    ((1.30, 0.28), (0.95, 0.30), (0.76, 0.38), (0.52, 0.54), (0.30, 0.70), (0.16, 0.84),
     (0.18, 0.94), (0.36, 0.99), (1.30, 0.99)),
)  # fmt: skip
_BEHIND_THE_HEART = (
    ((1.30, 0.58), (0.95, 0.60), (0.84, 0.74), (0.84, 0.96), (1.30, 0.98)),
    ((1.30, 0.58), (0.85, 0.60), (0.62, 0.74), (0.58, 0.96), (1.30, 0.98)),
)
WHOLE_LUNGS = ChestArea()

CHEST_AREAS = {
    "Atelectasis": ChestArea(down=(0.40, 2.0), growth=0.03, below=0.06, source="F, W"),
    "Cardiomegaly": ChestArea(outlines=_HEART, source="D"),
    "Edema": ChestArea(across=(0.12, 1.15), down=(0.10, 2.0), growth=0.05, source="G"),
    "Effusion": ChestArea(
        across=(-1.0, 0.85), down=(0.58, 2.0), growth=0.04, below=0.15, source="B"
    ),
    "Hernia": ChestArea(outlines=_BEHIND_THE_HEART, source="F"),
    "Pleural Thickening": ChestArea(across=(-1.0, 0.55), growth=0.04, rim=0.14, source="F"),
    "Pneumothorax": ChestArea(across=(-1.0, 0.80), down=(-1.0, 0.70), growth=0.03, source="O"),
}
"""By canonical name; findings that are not listed may show anywhere in both lungs."""


def draw_area(area: ChestArea, lungs: Lungs) -> Bool[np.ndarray, "height width"]:
    """The area on the lungs' small grid."""
    if area.outlines is not None:
        return np.asarray(_filled(area.outlines, lungs).any(0))
    (left, right), (top, bottom) = area.across, area.down
    window = ((left, top), (right, top), (right, bottom), (left, bottom))
    sides = zip(lungs.masks, _filled((window, window), lungs), strict=True)
    return np.asarray(np.logical_or(*(_shaped(area, lung) & cut for lung, cut in sides)))


def _shaped(
    area: ChestArea, lung: Bool[np.ndarray, "height width"]
) -> Bool[np.ndarray, "height width"]:
    scale = float(np.sqrt(lung.sum()))
    shape = grown(lung, area.growth * scale) if area.growth else lung
    for shift in range(1, round(area.below * scale) + 1):
        shape = shape | np.pad(lung, ((shift, 0), (0, 0)))[: len(lung)]
    if area.rim is not None:
        shape = shape & (depth(lung) < area.rim * scale)
    return shape


def _filled(outlines: tuple[Outline, Outline], lungs: Lungs) -> Bool[np.ndarray, "2 height width"]:
    corners = place(_arrays(outlines), lungs.pair[None], lungs.film.content)[0]
    space, split = lungs.film.contrast.shape, len(outlines[0])
    return np.stack([inside(space, corners[:split]), inside(space, corners[split:])])


def _arrays(
    outlines: tuple[Outline, Outline],
) -> tuple[Float[np.ndarray, "point 2"], Float[np.ndarray, "point 2"]]:
    return np.array(outlines[0]), np.array(outlines[1])
