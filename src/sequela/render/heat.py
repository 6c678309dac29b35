"""Heat maps of change: |x_n - x_0| as a share of the window's width, one scale for a run."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Num, UInt8

from sequela.core import GeometryMismatchError, Window
from sequela.render.display import is_colour

# From ink over violet and red to pale yellow; lightness rises evenly, so that equal differences
# of change look equal, also in grey print and to colour-blind eyes.
ANCHORS = np.array(
    [
        (4, 4, 12),
        (38, 14, 78),
        (92, 20, 110),
        (146, 38, 104),
        (194, 62, 80),
        (232, 98, 46),
        (250, 158, 30),
        (252, 246, 170),
    ],
    dtype=np.float64,
)
OPAQUE_FROM = 0.35  # share of the scale from which the overlay hides what lies under it
SCALE_FACTORS = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
SMALLEST_SCALE = 0.01  # a run without change is not blown up into noise


def change_map(
    state: Num[np.ndarray, "*space"], baseline: Num[np.ndarray, "*space"], window: Window
) -> Float32[np.ndarray, "*grid"]:
    """|x_n - x_0| as a share of the window's width, at most 1; the mean over colours.

    Args:
        state: The later image, in stored units.
        baseline: The first image, on the same grid and in the same units.
        window: The values shown from black to white.

    Raises:
        GeometryMismatchError: The two lie on different grids.
    """
    if state.shape != baseline.shape:
        raise GeometryMismatchError(
            f"`state` must lie on the baseline's grid {baseline.shape}, got {state.shape}. "
            "Resample it first."
        )
    difference = np.abs(state.astype(np.float32) - baseline.astype(np.float32))
    change = difference.mean(axis=-1) if is_colour(difference) else difference
    return np.minimum(change / np.float32(window.high - window.low), 1, dtype=np.float32)


def heat_scale(maps: Sequence[Float[np.ndarray, "*grid"]]) -> float:
    """The one upper end of the colour scale for all `maps` of a run, a round number.

    It covers all but the brightest 0.5 % of the pixels of the map that changed most, so that the
    colours of two states can be compared.
    """
    top = max((float(np.percentile(change, 99.5)) for change in maps), default=0.0)
    return min(1.0, round_up(max(top, SMALLEST_SCALE), SCALE_FACTORS))


def heat_colours(share: Float[np.ndarray, "*grid"]) -> UInt8[np.ndarray, "*grid 3"]:
    """Colours of shares of the scale: 0 is ink, 1 and above pale yellow."""
    places = np.linspace(0, 1, len(ANCHORS))
    channels = [np.interp(share, places, ANCHORS[:, channel]) for channel in range(3)]
    colours: np.ndarray = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    return colours


def heat_overlay(
    change: Float[np.ndarray, "height width"], scale: float
) -> UInt8[np.ndarray, "height width 4"]:
    """Colours with an opacity that grows with the change: no change leaves the image untouched."""
    share = np.clip(change / scale, 0, 1)
    opacity = np.rint(255 * np.clip(share / OPAQUE_FROM, 0, 1)).astype(np.uint8)
    return np.concatenate([heat_colours(share), opacity[..., None]], axis=-1)


def round_up(value: float, factors: Sequence[float] = (1, 2, 5, 10)) -> float:
    """The next of `factors` times a power of ten; for scales and axes that people read."""
    power = 10.0 ** math.floor(math.log10(value))
    # the tolerance keeps 0.02, which is 2.0000000000000004 powers, from becoming 0.05
    factor = next(f for f in factors if value / power <= f * (1 + 1e-9))
    return float(f"{factor * power:.12g}")
