"""Parts of masks: the largest, those at the rim, what a disk can reach; and soft edges."""

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

Mask = Bool[np.ndarray, "height width"]
SOFTNESS = 0.03  # half width of a soft edge, in shares of the square root of the area


def largest(mask: Mask) -> Mask:
    """The largest connected part."""
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    return np.asarray(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))


def touching_rim(mask: Mask) -> Mask:
    """The parts that reach the image's rim."""
    labels, _ = ndimage.label(mask)
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.asarray(np.isin(labels, np.setdiff1d(rim, 0)))


def depth(mask: Mask) -> Float[np.ndarray, "height width"]:
    """Pixels to the mask's border, below 0 outside; the image's own rim is no border."""
    if mask.all() or not mask.any():
        far = np.float64(max(mask.shape))
        return np.full(mask.shape, far if mask.all() else -far)
    inwards = ndimage.distance_transform_edt(mask)
    outwards = ndimage.distance_transform_edt(~mask)
    return np.asarray(np.where(mask, inwards - 0.5, 0.5 - outwards))


def grown(mask: Mask, radius: float) -> Mask:
    """The mask and all within `radius` pixels; a negative radius shrinks it."""
    return np.asarray(depth(mask) > -radius)


def opened(mask: Mask, radius: float) -> Mask:
    """What a disk can reach inside the mask; the image's rim is no obstacle."""
    margin = int(radius) + 2
    core = ndimage.distance_transform_edt(np.pad(mask, margin, mode="edge")) > radius
    if not core.any():
        return np.zeros_like(mask)
    reached = ndimage.distance_transform_edt(~core) <= radius
    return np.asarray(reached[margin:-margin, margin:-margin] & mask)


def closed(mask: Mask, radius: float) -> Mask:
    """Closing with a disk; by distances, because a large structuring element would be slow."""
    return ~opened(~mask, radius)


def soft(mask: Mask, softness: float = SOFTNESS) -> Float[np.ndarray, "height width"]:
    """The mask with an edge that rises smoothly over a small share of its size.

    Args:
        mask: What shall be 1.
        softness: Half width of the edge, as a share of the square root of the area.
    """
    if not mask.any():
        return np.zeros(mask.shape, dtype=np.float32)
    width = max(1.0, softness * float(np.sqrt(mask.sum())))
    return ramp(depth(mask) / (2 * width) + 0.5)


def ramp(share: Float[np.ndarray, "*space"]) -> Float[np.ndarray, "*space"]:
    """From 0 to 1 without a corner at either end; clipped outside."""
    inside = np.clip(share, 0, 1)
    return np.asarray(inside * inside * (3 - 2 * inside), dtype=np.float32)
