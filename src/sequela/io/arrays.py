"""Arrays to image files and back, bit for bit, every file marked as synthetic or observed.

Pictures become PNG, those whose numbers PNG cannot hold TIFF, volumes gzipped NIfTI.
"""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

from sequela.core import DISCLAIMER, InvalidInputError
from sequela.io.deep_colour import decode_deep, encode_deep_png
from sequela.io.files import read_bytes, unreadable, write_bytes
from sequela.io.kinds import require_kind
from sequela.io.nifti import decode_nifti_as_written, encode_nifti
from sequela.io.pictures import FAULTS

_OFFSET, _DTYPE = "Sequela-offset", "Sequela-dtype"
_DESCRIPTION = 270  # TIFF's ImageDescription
_WRITABLE = ("uint8", "uint16", "int16", "int32", "float32")
_COLOURS = ("uint8", "uint16", "float32")


def write_array(
    path_without_suffix: str | Path,
    array: np.ndarray,
    *,
    observed: bool = False,
    affine: np.ndarray | None = None,
) -> Path:
    """Write an array so that `read_array` gives it back bit for bit.

    Args:
        path_without_suffix: Where; the suffix follows from the array.
        array: `[H, W]`, `[H, W, 3]` or `[D, H, W]` in uint8, uint16, int16, int32 or float32.
        observed: Whether it is the input itself; everything else is marked as synthetic.
        affine: 4x4 map of (d, h, w, 1) to LPS millimetres, for volumes.

    Returns:
        The file that was written.

    Raises:
        InvalidInputError: the array has another shape or dtype.
        OutputError: the disk is full or the folder read-only.
    """
    suffix, data = _encode(array, observed, affine)
    path = Path(path_without_suffix)
    return write_bytes(path.with_name(path.name + suffix), data)


def read_array(path: str | Path) -> np.ndarray:
    """The array that `write_array` wrote.

    Raises:
        UnreadableFileError: the file is missing or damaged.
    """
    data, name = read_bytes(path), Path(path).name
    kind = require_kind(data, name)
    if kind == "nifti":
        return decode_nifti_as_written(data, name)
    try:
        if kind == "png" and data[24:26] == b"\x10\x02":  # 16 bits, red, green and blue
            return decode_deep(data, "png")
        with warnings.catch_warnings():  # Pillow warns of large files, and before it raises
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=("PNG", "TIFF")) as image:
                array = _pages(image)
                text = getattr(image, "text", {})
        if _OFFSET in text:
            return (array.astype(np.int32) + int(text[_OFFSET])).astype(text[_DTYPE])
    except FAULTS as error:
        raise unreadable(name, "is damaged or cut off", "Restore the run folder.") from error
    return array


def _encode(array: np.ndarray, observed: bool, affine: np.ndarray | None) -> tuple[str, bytes]:
    colour = array.ndim == 3 and array.shape[-1] == 3
    writable = array.dtype.name in (_COLOURS if colour else _WRITABLE)
    if not writable or array.ndim not in (2, 3) or 0 in array.shape:
        raise InvalidInputError(
            f"`array` must be a picture or volume of {', '.join(_WRITABLE)}, "
            f"got {array.dtype} {array.shape}. Convert it to the baseline's dtype."
        )
    if array.ndim == 3 and not colour:
        return ".nii.gz", encode_nifti(array, affine, observed=observed)
    if array.dtype.kind == "f":
        return ".tiff", _tiff(array, observed)
    text = _marks(observed)
    if array.dtype.kind == "i":
        low, high = int(array.min()), int(array.max())
        if high - low > 65535:
            return ".tiff", _tiff(array, observed)
        text |= {_OFFSET: str(low), _DTYPE: array.dtype.name}
        array = (array.astype(np.int64) - low).astype(np.uint16)
    if colour and array.dtype == np.uint16:
        return ".png", encode_deep_png(array, text)
    return ".png", _png(array, text)


def _marks(observed: bool) -> dict[str, str]:
    return {"Synthetic": "NO"} if observed else {"Synthetic": "YES", "Comment": DISCLAIMER}


def _png(array: np.ndarray, text: dict[str, str]) -> bytes:
    info, file = PngInfo(), io.BytesIO()
    for key, value in text.items():
        info.add_text(key, value)
    Image.fromarray(np.ascontiguousarray(array)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def _tiff(array: np.ndarray, observed: bool) -> bytes:
    tags, file = TiffImagePlugin.ImageFileDirectory_v2(), io.BytesIO()
    tags[_DESCRIPTION] = " ".join(f"{key}={value}" for key, value in _marks(observed).items())
    # colour in real numbers is beyond Pillow as one picture, so red, green and blue are three pages
    planes = [array] if array.ndim == 2 else np.moveaxis(array, -1, 0)
    first, *others = [Image.fromarray(np.ascontiguousarray(plane)) for plane in planes]
    pages = {"save_all": True, "append_images": others} if others else {}
    first.save(file, "TIFF", tiffinfo=tags, **pages)
    return file.getvalue()


def _pages(image: Image.Image) -> np.ndarray:
    """The picture, or the three pages of one in colour."""
    if getattr(image, "n_frames", 1) != 3:
        return np.array(image)
    planes = []
    for page in range(3):
        image.seek(page)
        planes.append(np.array(image))
    return np.stack(planes, axis=-1)
