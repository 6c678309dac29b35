"""From a drawn region to the one that is used: feathered inwards, protected places cut out."""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import distance_transform_edt

# A region is saved as 16-bit PNG; rounded to that grid first, the saved one is the used one.
_LEVELS = 65535


def effective_region(
    requested: Float[np.ndarray, "height width"],
    protected: Float[np.ndarray, "height width"] | None,
    *,
    feather_px: float,
) -> Float[np.ndarray, "height width"]:
    """The soft mask that change is multiplied with.

    The border is softened inwards only: where the requested region is 0, or anything is protected,
    the effective region is exactly 0.

    Args:
        requested: Soft mask in [0, 1].
        protected: Soft mask; every pixel above 0 is protected in full.
        feather_px: Width of the soft border.
    """
    effective = requested * _ramp(requested > 0, feather_px)
    if protected is not None:
        effective = effective * _ramp(protected == 0, feather_px)
    return quantise(effective)


def quantise(mask: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Rounded to what a 16-bit file holds, in [0, 1]."""
    return np.asarray(np.rint(np.clip(mask, 0, 1) * _LEVELS) / _LEVELS, dtype=np.float32)


def _ramp(inside: np.ndarray, feather_px: float) -> Float[np.ndarray, "height width"]:
    """0 outside, rising smoothly to 1 over `feather_px`; the image's own edge is no border."""
    if inside.all():
        return np.ones(inside.shape, np.float32)
    share = np.clip(distance_transform_edt(inside) / max(feather_px, 1.0), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), dtype=np.float32)
