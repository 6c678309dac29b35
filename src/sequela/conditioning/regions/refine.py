"""From the outline of a usual lung to the lung on this film, as a soft mask.

Near the outline the film decides: what is dark joins, what is bright leaves. Away from it the
outline does, so a lung keeps the parts that disease has turned white.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from sequela.conditioning.regions.film import Film

# In shares of the square root of a lung's area.
_REACH = 0.10  # how far the film may move the border inwards
_GROWTH = 0.07  # and outwards: beyond a thin chest wall there is dark air
_THREAD = 0.06  # what is thinner and outside the outline is a leak along the skin
_TOLERANCE = 0.65  # from the inside's brightness (0) to the rim's (1); haze stays in the lung
_CLOSING = 0.12  # bays narrower than this are filled: a rib or a consolidation, not the heart
_SOFTNESS = 0.03  # half width of the soft edge


def refine(
    film: Film, outline: Bool[np.ndarray, "height width"]
) -> Bool[np.ndarray, "height width"]:
    """One lung: the outline moved to the film's own edges, without holes, bays and leaks."""
    scale = float(np.sqrt(outline.sum()))
    outwards = ndimage.distance_transform_edt(~outline)
    inwards = ndimage.distance_transform_edt(outline)
    rim = (outwards > 0) & (outwards < 0.05 * scale)
    if scale < 8 or not rim.any():
        return outline
    dark, bright = film.contrast[outline].mean(), film.contrast[rim].mean()
    threshold = dark + _TOLERANCE * (bright - dark)
    depth = np.tanh((threshold - film.contrast) / 0.4)
    # What is not film is no lung, however dark.
    depth = np.where(film.exposed, depth, -1)
    level = (inwards / _REACH - outwards / _GROWTH) / scale + depth
    lung = ndimage.gaussian_filter(level, 0.02 * scale) > 0
    lung = _closed(lung | (inwards > 2 * _REACH * scale), _CLOSING * scale)
    lung = ndimage.binary_fill_holes(lung)
    return _largest((lung & outline) | _opened(lung, _THREAD * scale))


def soft(lung: Bool[np.ndarray, "height width"]) -> Float[np.ndarray, "height width"]:
    """The mask with an edge that rises smoothly over a small share of the lung's size."""
    width = max(1.0, _SOFTNESS * float(np.sqrt(lung.sum())))
    distance = ndimage.distance_transform_edt(lung) - ndimage.distance_transform_edt(~lung)
    share = np.clip(distance / (2 * width) + 0.5, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), dtype=np.float32)


def _largest(mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    return np.asarray(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))


def _closed(
    mask: Bool[np.ndarray, "height width"], radius: float
) -> Bool[np.ndarray, "height width"]:
    """Closing with a disk; by distances, because a large structuring element would be slow."""
    return ~_opened(~mask, radius)


def _opened(
    mask: Bool[np.ndarray, "height width"], radius: float
) -> Bool[np.ndarray, "height width"]:
    """What a disk can reach inside the mask; the image's rim is no obstacle."""
    margin = int(radius) + 2
    core = ndimage.distance_transform_edt(np.pad(mask, margin, mode="edge")) > radius
    if not core.any():
        return np.zeros_like(mask)
    reached = ndimage.distance_transform_edt(~core) <= radius
    return np.asarray(reached[margin:-margin, margin:-margin] & mask)
