"""A chest film made ready for measuring: small, by its own local contrast, without its borders."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from sequela.conditioning.regions.parts import touching_rim
from sequela.core import Scan
from sequela.imaging.fit import channels_first, resize, to_model_range

SIDE = 256  # px of the longer side; ribs are still seen, and the whole search stays under a second


@dataclass(frozen=True, kw_only=True, eq=False)
class Film:
    """What the search for the lungs looks at.

    Attributes:
        contrast: Brightness against the surroundings in their spreads; lungs are below 0, what is
            outside the exposed film is exactly 0.
        exposed: Where the film is, without collimation and padding.
        content: First row, first column, height and width of the exposed part.
    """

    contrast: Float[np.ndarray, "height width"]
    exposed: Bool[np.ndarray, "height width"]
    content: tuple[float, float, float, float]

    @classmethod
    def of(cls, scan: Scan) -> "Film":
        """The scan's window scaled to [0, 1] on a grid of at most `SIDE`, then normalised."""
        scale = SIDE / max(scan.space)
        small = (max(8, round(scan.space[0] * scale)), max(8, round(scan.space[1] * scale)))
        shown = (to_model_range(scan.array, scan.window) + 1) / 2
        grey = np.clip(resize(channels_first(shown), small)[0], 0, 1)
        exposed = _exposed(grey)
        return cls(
            contrast=_local_contrast(grey, exposed), exposed=exposed, content=_content(exposed)
        )


def _exposed(grey: Float[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """All but the collimation: bright bars along the rim, and black areas that reach it."""
    top, bottom = _trim(grey)
    left, right = _trim(grey[top:bottom].T)
    inside = np.zeros(grey.shape, dtype=bool)
    inside[top:bottom, left:right] = True
    span = ndimage.maximum_filter(grey, 3) - ndimage.minimum_filter(grey, 3)
    flat = (span < 0.03) & ((grey < 0.09) | (grey > 0.98))
    border = touching_rim(flat | ~inside)
    # Letters inside the border belong to it; narrow black wedges between limbs do not.
    exposed = ndimage.binary_opening(~border, iterations=3)
    return np.asarray(exposed) if exposed.mean() > 0.1 else np.ones_like(exposed)


def _trim(grey: Float[np.ndarray, "line pixel"]) -> tuple[int, int]:
    """First line that is no uniformly bright bar, and one past the last."""
    low, middle, high = np.percentile(grey, [10, 50, 90], axis=1)
    film = np.flatnonzero((middle < 0.85) | (high - low > 0.1))
    return (int(film[0]), int(film[-1]) + 1) if len(film) else (0, len(grey))


def _content(exposed: Bool[np.ndarray, "height width"]) -> tuple[float, float, float, float]:
    """The box of rows and columns that are exposed in a fair part."""
    spans = []
    for axis in (1, 0):
        share = exposed.mean(axis=axis)
        inside = np.flatnonzero(share > 0.25 * share.max())
        spans.append((float(inside[0]), float(inside[-1] + 1 - inside[0])))
    (top, height), (left, width) = spans
    return top, left, height, width


def _local_contrast(
    grey: Float[np.ndarray, "height width"], exposed: Bool[np.ndarray, "height width"]
) -> Float[np.ndarray, "height width"]:
    """Deviation from the neighbourhood's mean in its spread; borders neither count nor show."""
    sigma = 0.16 * float(np.sqrt(exposed.sum()))
    weight = exposed.astype(np.float32)
    total = ndimage.gaussian_filter(weight, sigma) + 1e-6
    mean = ndimage.gaussian_filter(grey * weight, sigma) / total
    deviation = (grey - mean) * weight
    spread = np.sqrt(ndimage.gaussian_filter(deviation**2, sigma) / total)
    floor = 0.25 * float(spread[exposed].mean()) + 1e-4  # flat areas must not turn to noise
    contrast = np.clip(deviation / (spread + floor), -2.5, 2.5)
    return np.asarray(ndimage.gaussian_filter(contrast, 1.0) * weight, dtype=np.float32)
