"""Display: from stored units to the 8-bit picture a page, a video or a figure shows."""

import base64
import io

import numpy as np
from jaxtyping import Num, UInt8
from PIL import Image

from sequela.core import InvalidInputError, Window

VIEWING_SIDE = 768  # longer side of pictures on pages and in videos


def to_display(image: Num[np.ndarray, "*space"], window: Window) -> UInt8[np.ndarray, "*space"]:
    """The image through its window, black to white in 0 to 255; 8-bit colour passes as it is."""
    if image.dtype == np.uint8 and is_colour(image):
        return image
    share = (image.astype(np.float32) - window.low) / (window.high - window.low)
    shown: np.ndarray = np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)
    return shown


def viewing_size(
    array: Num[np.ndarray, "height width *channel"], max_side: int = VIEWING_SIDE
) -> Num[np.ndarray, "new_height new_width *channel"]:
    """The picture with its longer side at most `max_side`, antialiased; smaller ones pass.

    Args:
        array: uint8 grey or colour, or a float32 map.
        max_side: In pixels.

    Raises:
        InvalidInputError: `array` is of another dtype.
    """
    if array.dtype not in (np.uint8, np.float32):
        raise InvalidInputError(
            f"`array` must be uint8 or float32, got {array.dtype}. Use `to_display` first."
        )
    height, width = array.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1:
        return array
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # A map is averaged: Lanczos would ring below 0 and above its own maximum.
    kind = Image.Resampling.LANCZOS if array.dtype == np.uint8 else Image.Resampling.BOX
    return np.asarray(Image.fromarray(np.ascontiguousarray(array)).resize(size, kind))


def plane(image: Num[np.ndarray, "*space"]) -> Num[np.ndarray, "height width *channel"]:
    """What a flat page shows of an image: itself, or the middle axial slice of a volume."""
    return image if image.ndim == 2 or is_colour(image) else image[len(image) // 2]


def is_colour(image: Num[np.ndarray, "*space"]) -> bool:
    """Whether the last axis holds red, green and blue."""
    return image.ndim == 3 and image.shape[-1] == 3


def data_uri(picture: UInt8[np.ndarray, "height width *channel"], *, lossless: bool = False) -> str:
    """The picture as a WebP data URI, for a page that needs no other file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=90, lossless=lossless, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
