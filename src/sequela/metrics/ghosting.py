"""Ghosting: how much of the old picture's edges survives where the picture has moved.

A heart that grows must take its border along; where the change was merely added, the old border
shines through the new heart.
"""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

_EDGE = 2.0  # robust standard deviations of the fine detail above which it is called an edge


def ghosting(
    before: Float[np.ndarray, "height width"],
    after: Float[np.ndarray, "height width"],
    *,
    blur_px: float,
    moved: float,
) -> float:
    """Share of the old edges that is still there where the coarse picture changed.

    Args:
        before: The baseline.
        after: The edited image on the same grid and scale.
        blur_px: Standard deviation that parts fine detail from the coarse picture.
        moved: Coarse change from which on a pixel counts as moved, in the images' units.

    Returns:
        About 1 when all old edges survive, about 0 when none does; nan when nothing moved.
    """
    fine_before = before - gaussian_filter(before, blur_px)
    fine_after = after - gaussian_filter(after, blur_px)
    coarse = np.abs(gaussian_filter(after - before, blur_px))
    spread = 1.4826 * np.median(np.abs(fine_before - np.median(fine_before)))
    chosen = (coarse >= moved) & (np.abs(fine_before) > _EDGE * spread)
    if not chosen.any():
        return float("nan")
    old = fine_before[chosen]
    return float((old * fine_after[chosen]).sum() / (old * old).sum())
