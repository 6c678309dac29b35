"""Full-resolution composition: put a change that was made at the model's size into the original.

The film keeps its own detail, because only the *change* is scaled up. Plain addition would leave
ghosts: the codec never saw the film's finest edges, so a sharp old heart border would shine through
a grown heart. What the codec missed therefore fades where the change is large, except for the fine
grain, without which a changed area would look airbrushed.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Num
from scipy.ndimage import gaussian_filter

from sequela.core import Window
from sequela.imaging.fit import Fit, channels_first, channels_last, to_model_range

FULL_FADE = (
    0.5  # change, on the model's scale of 2 from black to white, at which old edges are gone
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Composer:
    """Adds decoded changes to one baseline.

    Attributes:
        baseline: The input image in stored values, `[H, W]` or `[H, W, 3]`.
        window: Its display window.
        fit: How it was placed in the model's square.
        decoded: The baseline after the codec's round trip, `[C, S, S]` in [-1, 1].
        unseen: Detail of the baseline that the codec did not keep, `[C, H, W]`, model scale.
        grain: Robust standard deviation of `unseen`: what is below it is texture, not an edge.
    """

    baseline: Num[np.ndarray, "..."]
    window: Window
    fit: Fit
    decoded: Float[np.ndarray, "channel size size"]
    unseen: Float[np.ndarray, "channel height width"]
    grain: float

    @classmethod
    def of(
        cls,
        baseline: Num[np.ndarray, "..."],
        window: Window,
        fit: Fit,
        decoded: Float[np.ndarray, "channel size size"],
    ) -> "Composer":
        """Split the baseline into what the codec kept and what it did not, once for all states."""
        image = match_channels(channels_first(to_model_range(baseline, window)), len(decoded))
        blur = max(fit.scale, 1.0)  # about one pixel of the model
        unseen = _fine(image, blur) - _fine(fit.back(decoded), blur)
        grain = 1.4826 * float(np.median(np.abs(unseen - np.median(unseen))))
        return cls(
            baseline=baseline,
            window=window,
            fit=fit,
            decoded=decoded,
            unseen=unseen,
            grain=grain,
        )

    def state(
        self,
        decoded: Float[np.ndarray, "channel size size"],
        weight: Float[np.ndarray, "height width"],
    ) -> Num[np.ndarray, "..."]:
        """The baseline with the change from its own decoded image to `decoded`.

        Args:
            decoded: The edited image as the codec gives it, in about [-1, 1].
            weight: Soft mask on the full grid; where it is 0 the result is the baseline exactly.
        """
        change = decoded - self.decoded
        moved = gaussian_filter(np.abs(change).mean(axis=0, keepdims=True), sigma=(0, 1, 1))
        fade = self.fit.back(np.clip(moved / FULL_FADE, 0, 1))
        edges = self.unseen - np.clip(self.unseen, -self.grain, self.grain)
        delta = (self.fit.back(change) - np.clip(fade, 0, 1) * edges) * weight
        return add_change(self.baseline, delta, weight, self.window)


def add_change(
    baseline: Num[np.ndarray, "..."],
    delta: Float[np.ndarray, "channel height width"],
    weight: Float[np.ndarray, "height width"],
    window: Window,
) -> Num[np.ndarray, "..."]:
    """Stored values plus a change on the model's scale, in the baseline's dtype and range."""
    stored = channels_last(match_channels(delta, 3 if baseline.ndim == 3 else 1))
    stored = stored * np.float32((window.high - window.low) / 2)
    low = min(float(baseline.min()), window.low)
    high = max(float(baseline.max()), window.high)
    changed = np.clip(baseline + stored, low, high)
    if np.issubdtype(baseline.dtype, np.integer):
        changed = np.rint(changed)
    keep = weight == 0
    if baseline.ndim == 3:
        keep = keep[..., None]
    return np.where(keep, baseline, changed.astype(baseline.dtype))


def match_channels(
    image: Float[np.ndarray, "channel height width"], channels: int
) -> Float[np.ndarray, "wanted height width"]:
    """Grey to RGB by repeating, RGB to grey by the mean."""
    if len(image) == channels:
        return image
    if channels == 1:
        return np.asarray(image.mean(axis=0, keepdims=True))
    return np.repeat(image, channels, axis=0)


def _fine(image: np.ndarray, blur: float) -> np.ndarray:
    return np.asarray(image - gaussian_filter(image, sigma=(0, blur, blur)))
