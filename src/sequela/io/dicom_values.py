"""Stored DICOM values to the values they stand for, and the window they are shown with.

Source: DICOM PS3.3 C.7.6.3 (pixels), C.11.1 (modality LUT), C.11.2 (VOI LUT).
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from sequela.core import Window
from sequela.io.limits import data_window, fit_integers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def grey_values(stored: np.ndarray, dataset: "Dataset") -> tuple[np.ndarray, Window]:
    """Values after modality and VOI tables, bright = dense, with their window.

    MONOCHROME1 is turned about the middle of the stored range, so that a value stays a whole
    number on the scanner's grid and the window turns with it.
    """
    if "ModalityLUTSequence" in dataset:
        from pydicom.pixels.processing import apply_modality_lut

        return _table_values(np.asarray(apply_modality_lut(stored, dataset)), dataset)
    if _has_voi_table(dataset):
        return _table_values(_rescaled(stored, dataset), dataset)
    if dataset.PhotometricInterpretation != "MONOCHROME1" or stored.dtype.kind == "f":
        values = _rescaled(stored, dataset)
        return values, _header_window(dataset) or data_window(values)
    total = _stored_total(dataset)
    turned = fit_integers(total - stored.astype(np.int64), stored.dtype)
    values, window = _rescaled(turned, dataset), _header_window(dataset)
    if window is None:
        return values, data_window(values)
    slope, intercept = _rescale(dataset)
    sum_of_ends = slope * total + 2 * intercept
    window = Window(low=sum_of_ends - window.high, high=sum_of_ends - window.low, origin="header")
    return values, window


def colour_values(stored: np.ndarray, dataset: "Dataset") -> np.ndarray:
    """Red, green and blue; palettes are looked up, 16-bit entries narrowed where 8 suffice."""
    if dataset.PhotometricInterpretation != "PALETTE COLOR":
        return stored
    from pydicom.pixels.processing import apply_color_lut

    colours = np.asarray(apply_color_lut(stored, dataset))
    if colours.dtype == np.uint16:
        # 8-bit colours are stored in 16 as v * 257 or as v * 256
        for factor in (257, 256):
            if not (colours % factor).any():
                return (colours // factor).astype(np.uint8)
    return colours[..., :3]


def _rescale(dataset: "Dataset") -> tuple[float, float]:
    """Slope and intercept; a slope of 0, which would wipe the image out, counts as 1."""
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    return float(slope or 1), float(intercept or 0)


def _rescaled(stored: np.ndarray, dataset: "Dataset") -> np.ndarray:
    slope, intercept = _rescale(dataset)
    if stored.dtype.kind == "f" or not (slope.is_integer() and intercept.is_integer()):
        with np.errstate(over="ignore", invalid="ignore"):  # infinities are refused by the scan
            return (stored.astype(np.float64) * slope + intercept).astype(np.float32)
    values = stored.astype(np.int64) * int(slope) + int(intercept)
    return fit_integers(values, stored.dtype)


def _stored_total(dataset: "Dataset") -> int:
    """The sum of the least and the greatest value that can be stored."""
    return -1 if dataset.PixelRepresentation else 2 ** int(dataset.BitsStored) - 1


def _has_voi_table(dataset: "Dataset") -> bool:
    return bool(dataset.get("VOILUTSequence")) and dataset.get("WindowCenter") is None


def _table_values(values: np.ndarray, dataset: "Dataset") -> tuple[np.ndarray, Window]:
    """Apply a VOI table if there is one; the window is then the whole range of the table."""
    window = _header_window(dataset)
    if _has_voi_table(dataset):
        from pydicom.pixels.processing import apply_voi_lut

        values = np.asarray(apply_voi_lut(values, dataset))
        bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        window = Window(low=0, high=2**bits - 1, origin="header")
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        # about the ends of the table's own range
        ends = (window.low, window.high) if window else (int(values.min()), int(values.max()))
        values = fit_integers(round(sum(ends)) - values.astype(np.int64), values.dtype)
    return values, window or data_window(values)


def _header_window(dataset: "Dataset") -> Window | None:
    """The first window of the header, or None when it has none that makes sense."""
    centre, width = _first(dataset, "WindowCenter"), _first(dataset, "WindowWidth")
    if centre is None or width is None:
        return None
    if dataset.get("VOILUTFunction") != "LINEAR_EXACT":
        centre, width = centre - 0.5, width - 1
    low, high = centre - width / 2, centre + width / 2
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        return None
    return Window(low=low, high=high, origin="header")


def _first(dataset: "Dataset", keyword: str) -> float | None:
    value: Any = dataset.get(keyword)
    if value is None or value == "":
        return None
    return float(value if isinstance(value, str | int | float) else value[0])
