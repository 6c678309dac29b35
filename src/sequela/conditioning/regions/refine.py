"""From the outline of a usual lung to the lung on this film.

Near the outline the film decides: what is dark joins, what is bright leaves. Away from it the
outline does, so a lung keeps the parts that disease has turned white.
"""

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from sequela.conditioning.regions.film import Film
from sequela.conditioning.regions.parts import closed, largest, opened

# In shares of the square root of a lung's area.
_REACH = 0.10  # how far the film may move the border inwards
_GROWTH = 0.07  # and outwards: beyond a thin chest wall there is dark air
_THREAD = 0.06  # what is thinner and outside the outline is a leak along the skin
_TOLERANCE = 0.65  # from the inside's brightness (0) to the rim's (1); haze stays in the lung
_CLOSING = 0.12  # bays narrower than this are filled: a rib or a consolidation, not the heart


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
    lung = closed(lung | (inwards > 2 * _REACH * scale), _CLOSING * scale)
    lung = ndimage.binary_fill_holes(lung)
    return largest((lung & outline) | opened(lung, _THREAD * scale))
