"""Fit: place an image of any shape in the model's square, and bring what comes back to its grid.

The longer side is scaled to the square and the rest padded with the edge's values; nothing is ever
stretched or cut off, and the placement is exactly invertible.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float, Num

from sequela.core import Window


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Where an image of `space` lies inside a square of `size`.

    Attributes:
        space: Height and width of the image.
        size: Side of the square.
        inner: Height and width of the scaled image inside the square.
        corner: Its top and left offsets.
    """

    space: tuple[int, int]
    size: int
    inner: tuple[int, int]
    corner: tuple[int, int]

    @classmethod
    def of(cls, space: tuple[int, int], size: int) -> "Fit":
        """The placement that keeps the shape: longer side = `size`, centred."""
        scale = size / max(space)
        inner = (max(1, round(space[0] * scale)), max(1, round(space[1] * scale)))
        corner = ((size - inner[0]) // 2, (size - inner[1]) // 2)
        return cls(space=space, size=size, inner=inner, corner=corner)

    @property
    def scale(self) -> float:
        """Image pixels for one pixel of the square."""
        return max(self.space) / self.size

    def forward(
        self, image: Float[np.ndarray, "channel height width"]
    ) -> Float[np.ndarray, "channel size size"]:
        """The image in the square, its edges repeated into the padding."""
        inner = resize(image, self.inner)
        top, left = self.corner
        rest = (self.size - self.inner[0] - top, self.size - self.inner[1] - left)
        return np.pad(inner, ((0, 0), (top, rest[0]), (left, rest[1])), mode="edge")

    def back(
        self, square: Float[np.ndarray, "channel size size"]
    ) -> Float[np.ndarray, "channel height width"]:
        """The square's inner part on the image's own grid."""
        top, left = self.corner
        inner = square[:, top : top + self.inner[0], left : left + self.inner[1]]
        return resize(inner, self.space)


def resize(
    image: Float[np.ndarray, "channel height width"], space: tuple[int, int]
) -> Float[np.ndarray, "channel new_height new_width"]:
    """Bicubic, with antialiasing where it shrinks."""
    if image.shape[1:] == space:
        return image
    batch = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))[None]
    return F.interpolate(batch, size=space, mode="bicubic", antialias=True)[0].numpy()


def to_model_range(array: Num[np.ndarray, "*space"], window: Window) -> Float[np.ndarray, "*space"]:
    """Stored values to [-1, 1]; what lies outside the window is clipped."""
    share = (array.astype(np.float32) - window.low) / (window.high - window.low)
    return np.asarray(np.clip(2 * share - 1, -1, 1), dtype=np.float32)


def channels_first(array: Num[np.ndarray, "..."]) -> Num[np.ndarray, "channel height width"]:
    """`[H, W]` or `[H, W, C]` to `[C, H, W]`."""
    return array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)


def channels_last(array: Num[np.ndarray, "channel height width"]) -> Num[np.ndarray, "..."]:
    """`[C, H, W]` to `[H, W]` for one channel, else `[H, W, C]`."""
    return array[0] if len(array) == 1 else np.moveaxis(array, 0, -1)
