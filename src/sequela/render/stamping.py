"""The stamp: says in the pixels themselves that an image is synthetic."""

import numpy as np
from jaxtyping import Float32, Num
from PIL import Image, ImageDraw, ImageFont

from sequela.core import Window
from sequela.render.display import is_colour

STAMP_TEXT = "SYNTHETIC - research and education"
READABLE_FONT = 11  # pixels; small images get it where it fits
SMALLEST_FONT = 5  # below it the letters are no letters
INK_GAIN = 1.6  # thin strokes only half cover their pixels; this makes them white
BAND_DARKNESS = 0.72  # how far the band goes to black: white letters stay readable on white images


def stamp(image: Num[np.ndarray, "*space"], window: Window) -> Num[np.ndarray, "*space"]:
    """A copy with "SYNTHETIC - research and education" burnt into the bottom edge.

    The letters are as white and the band behind them as dark as `window` shows, in the image's own
    dtype and units. Every other row keeps its values; a volume is stamped on each axial slice.
    """
    across = 1 if is_colour(image) else image.ndim - 1
    letters = _letters(image.shape[across], image.shape[across - 1])
    if is_colour(image):
        letters = letters[..., None]
    rows = slice(image.shape[across - 1] - letters.shape[0], None)
    place = (rows,) if is_colour(image) else (..., rows, slice(None))
    band = image[place].astype(np.float64)
    band = band + BAND_DARKNESS * (window.low - band)
    band = band + letters * (window.high - band)
    stamped = image.copy()
    stamped[place] = _in_dtype(band, image.dtype)
    return stamped


def _letters(width: int, height: int) -> Float32[np.ndarray, "band width"]:
    """White text on black, as wide as the image and at most as high."""
    size = max(READABLE_FONT, round(min(width, height) / 26))
    font = ImageFont.load_default(size)
    while size > SMALLEST_FONT and font.getlength(STAMP_TEXT) > 0.94 * width:
        size -= 1
        font = ImageFont.load_default(size)
    band = Image.new("L", (width, min(height, round(1.7 * size))))
    middle = (width / 2, band.height / 2)
    ImageDraw.Draw(band).text(middle, STAMP_TEXT, fill=255, font=font, anchor="mm")
    letters: np.ndarray = np.asarray(band, dtype=np.float32) * np.float32(INK_GAIN / 255)
    return letters.clip(0, 1)


def _in_dtype(values: Num[np.ndarray, "*space"], dtype: np.dtype) -> Num[np.ndarray, "*space"]:
    if not np.issubdtype(dtype, np.integer):
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    rounded: np.ndarray = np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
    return rounded
