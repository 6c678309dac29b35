"""From a provider's raw mask to a region: border moved to near edges, smoothed, grown, feathered.

The published method touches masks up by hand, with Canny's edges, smoothing and enlarging (Liang et
al., "PIE", arXiv:2309.11745); here the same three do it unattended.

Source of the edges: Canny, "A Computational Approach to Edge Detection", 1986.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from sequela.conditioning.regions.colour import fitting, shown
from sequela.conditioning.regions.parts import SOFTNESS, depth, soft
from sequela.core import Scan
from sequela.core.checks import check_finite, check_share
from sequela.imaging.fit import resize

_SIDE = 384  # px of the longer side: edges finer than that are noise to a region
_ALIGNED = 0.7  # cosine between an edge's direction and the border's; a rib crossing it is no edge
_RANK, _STRONG, _WEAK = 0.85, 0.25, 0.5  # see `edges`


def finish(
    mask: Bool[np.ndarray, "height width"],
    scan: Scan,
    *,
    snap: float = 0.06,
    smooth: float = 0.02,
    grow: float = 0.0,
    feather: float = SOFTNESS,
) -> Float[np.ndarray, "height width"]:
    """A soft mask on the scan's grid; an empty mask stays empty.

    All lengths are shares of the square root of the mask's area.

    Args:
        mask: What a provider found, on the scan's grid.
        scan: The image whose edges count.
        snap: How far the border may move to an edge; 0 leaves it.
        smooth: Bumps smaller than this go.
        grow: How far the border moves outwards in the end; below 0 inwards.
        feather: Half width of the soft edge.

    Raises:
        InvalidInputError: A length is out of range.
    """
    for name, value in (("snap", snap), ("smooth", smooth), ("feather", feather)):
        check_share(name, value, hint="It is a share of the square root of the mask's area.")
    check_finite("grow", grow, minimum=-1.0)
    space = fitting(scan, min(_SIDE, max(scan.plane)))
    small = resize(mask[None].astype(np.float32), space)[0] > 0.5
    if not small.any():
        return mask.astype(np.float32)  # nothing, or too small to have a border worth moving
    scale = float(np.sqrt(small.sum()))
    level = depth(small)
    if snap * scale >= 1:  # px; nothing finer can be told
        level = _snapped(level, edges(shown(scan, space).mean(-1)), snap * scale)
    if smooth > 0:
        level = ndimage.gaussian_filter(level, smooth * scale)
    shape = np.asarray(level + grow * scale > 0)
    full = resize(soft(shape, feather)[None], scan.plane)[0]
    return np.where(full < 0.005, 0, np.clip(full, 0, 1)).astype(np.float32)


def edges(
    grey: Float[np.ndarray, "height width"], sigma: float = 1.5
) -> Float[np.ndarray, "2 height width"]:
    """Unit gradients on the edges, 0 elsewhere: ridges of the gradient, by hysteresis.

    A ridge is strong when it is among the `_RANK` best and above a share of the steepest, so that
    neither texture nor the noise of a plain image counts; what hangs on it may be half as steep.
    """
    gradient = np.stack([ndimage.gaussian_filter(grey, sigma, order=o) for o in ((1, 0), (0, 1))])
    size = np.hypot(*gradient)
    direction = gradient / (size + 1e-8)
    rows, columns = np.indices(grey.shape)
    ahead, behind = (
        ndimage.map_coordinates(
            size, [rows + s * direction[0], columns + s * direction[1]], order=1, mode="nearest"
        )
        for s in (1, -1)
    )
    ridge = (size >= ahead) & (size >= behind) & (size > 1e-4)
    if not ridge.any():
        return np.zeros_like(direction)
    strong = max(np.quantile(size[ridge], _RANK), _STRONG * np.quantile(size, 0.999))
    labels, _ = ndimage.label(ridge & (size >= _WEAK * strong), np.ones((3, 3)))
    kept = np.isin(labels, np.setdiff1d(labels[ridge & (size >= strong)], 0))
    return np.asarray(direction * kept)


def _snapped(
    level: Float[np.ndarray, "height width"],
    edge: Float[np.ndarray, "2 height width"],
    reach: float,
) -> Float[np.ndarray, "height width"]:
    """The level set moved so that its zero passes through edges that run along it.

    Each edge votes for the shift that would bring the border onto it; votes fade with distance, and
    a weak vote for staying decides where there is no edge.
    """
    normal = np.stack(np.gradient(ndimage.gaussian_filter(level, 1.0)))
    normal = normal / (np.hypot(*normal) + 1e-8)
    along = np.abs((normal * edge).sum(0)) > _ALIGNED
    vote = np.where(along, np.exp(-0.5 * (level / (0.5 * reach)) ** 2), 0)
    vote[np.abs(level) > reach] = 0
    width = max(1.0, 0.5 * reach)
    total = ndimage.gaussian_filter(vote, width)
    shift = ndimage.gaussian_filter(vote * level, width) / (total + 0.02)
    return np.asarray(level - shift)
