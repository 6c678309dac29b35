"""The retina of a fundus photograph against its black surround, and the circle it is part of."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from sequela.conditioning.regions.parts import closed, depth, largest, opened

_DARKEST = 0.05  # of the display range; the surround is black but for JPEG's own noise
_SHARE_OF_LIT = 0.2  # and darker than this share of the picture's bright part
_DARK_PATCH = 0.12  # of the longer side: half the width of what is closed over
_OUTLIER = 0.03  # of the radius; cut-off edges and notches are no part of the circle


@dataclass(frozen=True, kw_only=True, eq=False)
class Disc:
    """The lit part of a fundus photograph.

    Attributes:
        mask: Where light came back.
        centre: Row and column of the circle's centre; it may lie anywhere, the photograph too
            may be cut.
        radius: Of the circle, in pixels.
        roundness: Share of the lit area that agrees with the circle, as intersection over union.
    """

    mask: Bool[np.ndarray, "height width"]
    centre: tuple[float, float]
    radius: float
    roundness: float


def lit_disc(picture: Float[np.ndarray, "height width 3"]) -> Disc:
    """The lit part of a picture, and the circle that fits its border best.

    Args:
        picture: In [0, 1]; grey or colour.
    """
    light = ndimage.gaussian_filter(picture.max(-1), 1.0)
    threshold = max(_DARKEST, _SHARE_OF_LIT * float(np.percentile(light, 80)))
    mask = np.asarray(ndimage.binary_fill_holes(light > threshold))
    mask = largest(opened(mask, 0.02 * max(mask.shape)))
    # A dark part of the retina is still retina; the surround is too wide to be closed over.
    mask = np.asarray(ndimage.binary_fill_holes(closed(mask, _DARK_PATCH * max(mask.shape))))
    if not mask.any():
        mask = np.ones_like(mask)
    row, column, radius = _circle(mask)
    rows, columns = np.indices(mask.shape)
    circle = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
    agreed = (circle & mask).sum() / max(1, (circle | mask).sum())
    return Disc(mask=mask, centre=(row, column), radius=radius, roundness=float(agreed))


def _circle(mask: Bool[np.ndarray, "height width"]) -> tuple[float, float, float]:
    """Row, column and radius of the circle through the border, the image's rim left out."""
    border = mask & (depth(mask) < 1)
    border[[0, -1]] = border[:, [0, -1]] = False
    rows, columns = np.nonzero(border)
    height, width = mask.shape
    if len(rows) < 0.3 * max(mask.shape):  # no surround to speak of
        return height / 2, width / 2, float(np.hypot(height, width) / 2)
    keep = np.ones(len(rows), dtype=bool)
    for _ in range(6):  # least squares, then again without what does not lie on it
        row, column, radius = _fitted(rows[keep], columns[keep])
        off = np.abs(np.hypot(rows - row, columns - column) - radius)
        keep = off <= max(_OUTLIER * radius, float(np.median(off)))
    return row, column, radius


def _fitted(rows: np.ndarray, columns: np.ndarray) -> tuple[float, float, float]:
    """Source: Kasa, "A circle fitting procedure and its error analysis", 1976."""
    system = np.stack([rows, columns, np.ones(len(rows))], -1).astype(float)
    a, b, c = np.linalg.lstsq(system, rows**2.0 + columns**2.0, rcond=None)[0]
    return float(a / 2), float(b / 2), float(np.sqrt(max(1.0, c + a * a / 4 + b * b / 4)))
