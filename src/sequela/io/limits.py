"""The sizes and values that can be simulated, and the dtype that holds numbers without loss."""

from collections.abc import Sequence

import numpy as np

from sequela.core import InvalidInputError, Window

MIN_SIDE = 16
MAX_PIXELS = 50_000_000
MAX_VOXELS = 2**30
_INTEGERS = (np.uint16, np.int16, np.int32)


def check_size(name: str, height: int, width: int) -> None:
    """Refuse a picture too small to hold anatomy or too large to hold in memory."""
    if height < MIN_SIDE or width < MIN_SIDE:
        raise InvalidInputError(
            f"`path` must hold an image of at least {MIN_SIDE}x{MIN_SIDE} pixels, "
            f"but {name} has {width}x{height}. Give the original, not a thumbnail."
        )
    if height * width > MAX_PIXELS:
        raise InvalidInputError(
            f"`path` must hold an image of at most {MAX_PIXELS // 10**6} megapixels, but {name} "
            f"has {height * width / 1e6:.0f} ({width}x{height}). Shrink or crop it first."
        )


def check_volume_size(name: str, shape: Sequence[int]) -> None:
    """Refuse a volume that is too thin or too large, in whatever order its axes are."""
    if sorted(shape)[1] < MIN_SIDE:
        raise InvalidInputError(
            f"`path` must hold a volume of at least {MIN_SIDE} samples along two axes, "
            f"but {name} has {tuple(shape)}. Give the whole volume."
        )
    if np.prod(np.array(shape, dtype=np.float64)) > MAX_VOXELS:
        raise InvalidInputError(
            f"`path` must hold a volume of at most {MAX_VOXELS} voxels, but {name} has "
            f"{tuple(shape)}. Crop or resample it first."
        )


def check_finite_values(name: str, array: np.ndarray) -> None:
    """Refuse NaN and infinite values."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise InvalidInputError(
            f"`path` must hold finite values, but {name} holds {count} NaN or infinite ones. "
            "Replace them first."
        )


def fit_integers(values: np.ndarray, stored: np.dtype) -> np.ndarray:
    """Whole numbers in the stored dtype if they fit, else uint16, int16 or int32.

    Raises:
        OverflowError: no 32-bit integer holds them.
    """
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    for dtype in (stored.newbyteorder("="), *(np.dtype(kind) for kind in _INTEGERS)):
        bounds = np.iinfo(dtype)
        if dtype.str[1:] in ("u1", "u2", "i2", "i4") and bounds.min <= low and high <= bounds.max:
            return np.ascontiguousarray(values, dtype=dtype)
    raise OverflowError("values beyond 32 bits")


def default_window(name: str, array: np.ndarray) -> Window:
    """The whole range for 8 bits and for colour, else where 99 % of the values lie.

    Raises:
        InvalidInputError: the image holds one single value.
    """
    check_contrast(name, array)
    if array.dtype == np.uint8:
        return Window(low=0, high=255, origin="dtype")
    return data_window(array)


def data_window(array: np.ndarray) -> Window:
    """From the 0.5th to the 99.5th percentile, or from the least to the greatest value."""
    low, high = (float(v) for v in np.percentile(array, (0.5, 99.5)))
    if not low < high:
        low, high = float(array.min()), float(array.max())
    return Window(low=low, high=high, origin="data")


def check_contrast(name: str, array: np.ndarray) -> None:
    """Refuse an image of one single value."""
    low, high = array.min(), array.max()
    if low == high:
        raise InvalidInputError(
            f"`path` must hold an image with contrast, but every pixel of {name} is {low:g}. "
            "Check the export."
        )
