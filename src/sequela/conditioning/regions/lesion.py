"""The lesion of a dermoscopy: what differs in colour from the skin around it.

Hairs are closed over first; the skin's colour is read off a ring along the rim, without the
dermoscope's dark corners. Each pixel's distance from that colour, in CIELAB, is parted by Otsu's
threshold after what lies off the middle was damped, for lesions are photographed in the middle; the
part that is large, contrasting and central is smoothed to one outline.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage
from scipy.spatial import ConvexHull

from sequela.conditioning.regions.colour import check_photograph, fitting, otsu, shown, to_lab
from sequela.conditioning.regions.parts import closed, depth, largest, opened, touching_rim
from sequela.core import Scan

SIDE = 192
_HAIR = 0.018  # half width of what is closed over, as a share of the longer side
_DARK = 30.0  # lightness below which a part at the rim may be the dermoscope's edge
_BLACK = 10.0  # and below which it is that edge wherever it lies
_RING = 0.08  # width of the ring along the rim where skin is expected
_DAMPED, _MIDDLE_WIDTH = 0.6, 0.35  # how much, and beyond what share of the sides
_SMOOTHING = 0.12  # of the square root of the area: bays and tongues thinner than that go
_WEIGHTS = (1.0, 1.3, 1.0)  # of lightness, red and yellow: a red patch differs little in lightness


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesion:
    """What was found on a dermoscopy.

    Attributes:
        mask: The lesion, on a small grid.
        seen: Where the dermoscope lets light through.
        doubt: Why the lesion is not to be trusted, in a few words, or None.
    """

    mask: Bool[np.ndarray, "height width"]
    seen: Bool[np.ndarray, "height width"]
    doubt: str | None


@lru_cache(maxsize=2)
def find_lesion(scan: Scan) -> Lesion:
    """The lesion of a dermoscopy; where none is plausible, the middle of the picture.

    Raises:
        InvalidInputError: The scan is a volume.
    """
    check_photograph(scan)
    picture = without_hair(shown(scan, fitting(scan, SIDE)))
    lab = to_lab(picture)
    seen = _seen(lab[..., 0])
    difference = from_skin(lab, seen)
    mask, doubt = _parted(difference, seen)
    if doubt is not None:
        mask = _middle(seen)
    return Lesion(mask=mask, seen=seen, doubt=doubt)


def without_hair(
    picture: Float[np.ndarray, "height width 3"],
) -> Float[np.ndarray, "height width 3"]:
    """Thin dark lines closed over, then all smoothed a little."""
    size = 2 * max(1, round(_HAIR * max(picture.shape))) + 1
    filled = ndimage.grey_closing(picture, (size, size, 1))
    light, light_filled = picture.mean(-1), filled.mean(-1)
    # Only where a line was closed: elsewhere closing would brighten the lesion's texture.
    hair = (light_filled - light) > 0.08
    hair = ndimage.binary_dilation(hair)[..., None]
    smooth = ndimage.gaussian_filter(np.where(hair, filled, picture), (1.5, 1.5, 0))
    return np.asarray(smooth, dtype=np.float32)


def _seen(lightness: Float[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """All but the dark corners that lie outside the circle the dermoscope lets through."""
    height, width = lightness.shape
    rows, columns = np.indices(lightness.shape)
    off = np.hypot(rows - height / 2, columns - width / 2) / (min(height, width) / 2)
    # The light falls off towards the dermoscope's edge, so the edge is widened.
    dark = touching_rim(((lightness < _DARK) & (off > 0.75)) | (lightness < _BLACK))
    corners = dark[[0, 0, -1, -1], [0, -1, 0, -1]].sum()
    seen = depth(~dark) > 0.04 * max(lightness.shape)
    return np.asarray(seen) if corners >= 2 and seen.any() else np.ones_like(dark)


def from_skin(
    lab: Float[np.ndarray, "height width 3"], seen: Bool[np.ndarray, "height width"]
) -> Float[np.ndarray, "height width"]:
    """Distance of every pixel's colour from that of the skin."""
    ring = seen & (depth(np.pad(seen, 1))[1:-1, 1:-1] < _RING * max(seen.shape))
    colours = lab[ring]
    # A lesion that reaches the rim is darker than the skin: the lighter half of the ring counts.
    light = colours[colours[:, 0] >= np.median(colours[:, 0])]
    skin = np.median(light, axis=0)
    deviation = (lab - skin) * np.array(_WEIGHTS)
    deviation[..., 0] = np.where(deviation[..., 0] > 0, 0.3, 1.0) * deviation[..., 0]
    return np.asarray(np.sqrt((deviation**2).sum(-1)), dtype=np.float32)


def _parted(
    difference: Float[np.ndarray, "height width"], seen: Bool[np.ndarray, "height width"]
) -> tuple[Bool[np.ndarray, "height width"], str | None]:
    """The lesion, and why it is not plausible."""
    side = max(seen.shape)
    damped = difference * (1 - _DAMPED + _DAMPED * _near_middle(seen.shape, _MIDDLE_WIDTH))
    mask = opened((damped > otsu(damped[seen])) & seen, 0.015 * side)
    mask = np.asarray(ndimage.binary_fill_holes(closed(mask, 0.03 * side)))
    mask = _smooth(_central(mask, difference)) & seen
    mask = largest(np.asarray(ndimage.binary_fill_holes(mask)))
    return mask, _implausible(mask, difference, seen)


def _smooth(mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    mask = np.asarray(ndimage.gaussian_filter(mask.astype(float), 0.012 * max(mask.shape)) > 0.5)
    width = _SMOOTHING * float(np.sqrt(mask.sum()))
    mask = closed(mask, width)
    core = opened(mask, width)
    return core if core.any() else mask


def _near_middle(space: tuple[int, ...], width: float) -> Float[np.ndarray, "height width"]:
    """From 1 in the middle towards 0; `width` is a share of each side."""
    rows, columns = (np.indices(space).T / np.array(space)).T - 0.5
    return np.asarray(np.exp(-(rows**2 + columns**2) / (2 * width**2)))


def _central(
    mask: Bool[np.ndarray, "height width"], difference: Float[np.ndarray, "height width"]
) -> Bool[np.ndarray, "height width"]:
    """The part with the most contrast near the middle, and those nearly as good close to it."""
    labels, count = ndimage.label(mask)
    if not count:
        return mask
    weight = _near_middle(mask.shape, 0.25) * difference
    worth = ndimage.sum_labels(weight, labels, np.arange(1, count + 1))
    return np.asarray(np.isin(labels, 1 + np.flatnonzero(worth > 0.35 * worth.max())))


def _implausible(
    mask: Bool[np.ndarray, "height width"],
    difference: Float[np.ndarray, "height width"],
    seen: Bool[np.ndarray, "height width"],
) -> str | None:
    if not mask.any():
        return "nothing differs from the skin"
    share = mask.sum() / seen.sum()
    outside = seen & ~mask
    gap = difference[mask].mean() - difference[outside].mean() if outside.any() else 0.0
    doubts = {
        "it is too small": share < 0.01,
        "it is too large": share > 0.8,
        "it hardly differs from the skin": gap < 5.0,
        "its outline is ragged": solidity(mask) < 0.7,
    }
    return next((doubt for doubt, found in doubts.items() if found), None)


def solidity(mask: Bool[np.ndarray, "height width"]) -> float:
    """The area as a share of its convex hull's; 1 for what has no bays."""
    corners = np.argwhere(np.pad(mask, 1))[:, None] + np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    return float(mask.sum() / ConvexHull(corners.reshape(-1, 2)).volume)


def _middle(seen: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """A disc in the middle, where lesions are usually photographed."""
    height, width = seen.shape
    rows, columns = np.indices(seen.shape) + 0.5
    radius = 0.3 * min(height, width)
    return np.asarray((rows - height / 2) ** 2 + (columns - width / 2) ** 2 < radius**2)
