"""Files to scans and regions: the doors through which images come in."""

from pathlib import Path

import numpy as np

from sequela.core import InvalidInputError, Region, Scan, Source, hash_bytes
from sequela.io.dicom_read import decode_dicom
from sequela.io.dicom_seg import decode_dicom_seg
from sequela.io.files import read_bytes, unreadable
from sequela.io.kinds import require_kind
from sequela.io.limits import check_contrast, data_window, default_window
from sequela.io.nifti import as_slice, decode_nifti, spacing_of
from sequela.io.pictures import decode_picture


def read_scan(path: str | Path, *, frame: int | None = None) -> Scan:
    """The image or volume in a PNG, JPEG, TIFF, DICOM or NIfTI file, as the scanner meant it.

    The kind is judged by the file's content. Bright is dense: MONOCHROME1 is inverted. Colour of
    16 bits a channel keeps them; colour whose channels agree becomes grey.

    Args:
        path: The file.
        frame: Which frame of a multi-frame file, counted from 0; such a file is refused without.

    Raises:
        UnreadableFileError: the file is missing, damaged, or of a kind that cannot be read.
        InvalidInputError: the image is smaller than 16x16 pixels, larger than 50 megapixels, of one
            single value, or holds NaN.
    """
    data, name = read_bytes(path), Path(path).name
    kind = require_kind(data, name)
    source = Source(name=name, sha256=hash_bytes(data))
    if kind == "dicom":
        image = decode_dicom(data, name, frame)
        return Scan(
            array=image.array,
            modality=image.modality,
            window=image.window,
            source=source,
            spacing_mm=image.spacing_mm,
            header=image.header,
        )
    if kind == "nifti":
        return _nifti_scan(data, source, frame)
    array = decode_picture(data, kind, name, frame)
    return Scan(
        array=array,
        modality="photo" if array.ndim == 3 else "unknown",
        window=default_window(name, array),
        source=source,
    )


def read_region_file(path: str | Path, *, segment: int | str | None = None) -> Region:
    """The soft mask in a PNG, JPEG, TIFF, NIfTI or DICOM segmentation file, on its own grid.

    0 stays 0; the greatest value of the bit depth becomes 1, and so does 1 in a mask of zeros and
    ones. Colours are averaged.

    Args:
        path: The file.
        segment: Number or label of one segment of a DICOM segmentation that has several.

    Returns:
        Region with a float32 array, `[H, W]` or, from a NIfTI volume, `[D, H, W]`.

    Raises:
        UnreadableFileError: the file is missing, damaged, or no mask.
        InvalidInputError: the mask is empty or has values without a meaning, or one of several
            segments has to be chosen.
    """
    data, name = read_bytes(path), Path(path).name
    kind = require_kind(data, name)
    if kind == "dicom":
        array = decode_dicom_seg(data, name, segment)
    elif kind == "nifti":
        array, affine = decode_nifti(data, name)
        flat = as_slice(array, affine)
        array = array if flat is None else flat[0]
    else:
        array = decode_picture(data, kind, name, None)
        array = array.mean(axis=2).astype(array.dtype) if array.ndim == 3 else array
    if not array.any():
        raise InvalidInputError(
            f"`region` must allow change somewhere, but {name} is 0 everywhere. "
            "Paint the region white, or leave it out to let the whole image change."
        )
    return Region(array=_shares(array, name), origin=name)


def _shares(array: np.ndarray, name: str) -> np.ndarray:
    """Mask values as shares of 1."""
    low, high = array.min(), array.max()
    if low < 0:
        raise InvalidInputError(
            f"`region` must not hold negative values, but {name} begins at {low:g}. "
            "Save it as 0 (no change) to the greatest value (full change)."
        )
    if array.dtype.kind == "f" or high == 1:
        return array.astype(np.float32)
    if array.dtype.kind == "u":
        return (array / np.iinfo(array.dtype).max).astype(np.float32)
    if np.array_equal(np.unique(array), [0, high]):
        return (array > 0).astype(np.float32)
    raise InvalidInputError(
        f"`region` must be a mask, but {name} holds signed values up to {high}, as a label map "
        "does. Save the wanted label as 0 and 1."
    )


def _nifti_scan(data: bytes, source: Source, frame: int | None) -> Scan:
    if frame not in (None, 0):
        raise unreadable(source.name, f"has no frame {frame}", "A volume is read whole.")
    array, affine = decode_nifti(data, source.name)
    check_contrast(source.name, array)
    flat = as_slice(array, affine)
    picture, spacing = (array, spacing_of(affine)) if flat is None else flat
    return Scan(
        array=picture,
        modality="unknown",
        window=data_window(picture),
        source=source,
        spacing_mm=spacing,
        affine=affine if flat is None else None,
    )
