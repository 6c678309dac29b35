"""DICOM files to values, window, spacing and a header without personal data."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sequela.core import SequelaError, Window
from sequela.core.scan import Modality
from sequela.io.dicom_header import safe_header
from sequela.io.dicom_values import colour_values, grey_values
from sequela.io.files import unreadable
from sequela.io.limits import check_contrast, check_finite_values, check_size, default_window
from sequela.io.pictures import grey_if_equal

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# What pydicom and its decoders raise on damaged files and on syntaxes they do not know.
FAULTS = (
    OSError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    RuntimeError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
)
_MODALITIES: dict[str, Modality] = {
    **dict.fromkeys(("CR", "DX", "PX", "MG", "RG", "IO"), "xray"),
    **dict.fromkeys(("XC", "OP", "ES", "DG", "DMS", "GM", "SM"), "photo"),
    "CT": "ct",
    "MR": "mr",
}
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_FRAME_VALUES = (
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "PixelSpacing",
    "ImagePositionPatient",
    "ImageOrientationPatient",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class DicomImage:
    """One frame of a DICOM file, ready to become a scan."""

    array: np.ndarray
    window: Window
    modality: Modality
    spacing_mm: tuple[float, float] | None
    header: "Dataset"


def decode_dicom(data: bytes, name: str, frame: int | None) -> DicomImage:
    """Read one frame of a DICOM file.

    Args:
        data: The file.
        name: Its name, for error messages.
        frame: Which frame of a multi-frame file, from 0; None when there is only one.

    Raises:
        UnreadableFileError: the file is damaged, holds no picture, several frames with none
            chosen, or a compression without a decoder.
        InvalidInputError: the picture is too small, too large, or of one single value.
    """
    with _one_sentence(name):
        return _decode(data, name, frame)


@contextmanager
def _one_sentence(name: str) -> Iterator[None]:
    """Turn what pydicom raises on damaged files into one sentence."""
    from pydicom.errors import BytesLengthException

    try:
        # pydicom warns about values that break the standard; what matters is checked here.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SequelaError:
        raise
    except (*FAULTS, BytesLengthException) as error:
        words = " ".join(str(error).split())
        problem = f"is a damaged DICOM file or has a compression without a decoder ({words[:120]})"
        raise unreadable(name, problem, "Export it again, uncompressed.") from error


def decode_values(data: bytes, name: str) -> np.ndarray:
    """Values of a slice, as CT means them; a slice of one single value, such as air, is fine.

    Raises:
        UnreadableFileError: the file is damaged, holds several frames, or a compression without a
            decoder.
    """
    import pydicom

    with _one_sentence(name):
        dataset = pydicom.dcmread(io.BytesIO(data))
        _check_picture(dataset, name)
        stored = _stored_values(dataset, _frame_index(dataset, name, None))
        check_finite_values(name, stored)
        return stored if stored.ndim == 3 else grey_values(stored, dataset)[0]


def _decode(data: bytes, name: str, frame: int | None) -> DicomImage:
    import pydicom

    dataset = pydicom.dcmread(io.BytesIO(data))
    _check_picture(dataset, name)
    index = _frame_index(dataset, name, frame)
    stored = _stored_values(dataset, index)
    _flatten_groups(dataset, index)
    check_finite_values(name, stored)
    if stored.ndim == 3 or dataset.PhotometricInterpretation == "PALETTE COLOR":
        array = grey_if_equal(colour_values(stored, dataset))
        if array.dtype not in (np.uint8, np.uint16):
            raise unreadable(name, f"holds {array.dtype} colours", "Export 8 or 16 bits a channel.")
        window = default_window(name, array)
    else:
        check_contrast(name, stored)
        if dataset.BitsStored == 1:
            stored = stored * np.uint8(255)
        array, window = grey_values(stored, dataset)
    return DicomImage(
        array=array,
        window=window,
        modality=_MODALITIES.get(str(dataset.get("Modality", "")), "unknown"),
        spacing_mm=_spacing(dataset),
        header=safe_header(dataset),
    )


def _stored_values(dataset: "Dataset", index: int) -> np.ndarray:
    """The pixels of one frame, decompressed.

    GDCM ends the whole process on some damaged JPEG streams, so Pillow has to do what it can.
    """
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit

    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax == JPEGBaseline8Bit:
        return pixel_array(dataset, index=index, decoding_plugin="pillow")
    if syntax in (JPEG2000, JPEG2000Lossless):
        with suppress(*FAULTS):
            return pixel_array(dataset, index=index, decoding_plugin="pillow")
    return pixel_array(dataset, index=index)


def _check_picture(dataset: "Dataset", name: str) -> None:
    holders = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
    if not any(keyword in dataset for keyword in holders):
        kind = " ".join(str(dataset.get("Modality") or "unknown").split())[:16]
        problem = f"is a DICOM file without a picture, or cut off before it (modality {kind})"
        raise unreadable(name, problem, "Give an image, not a report or a plan.")
    check_size(name, int(dataset.Rows), int(dataset.Columns))


def _frame_index(dataset: "Dataset", name: str, frame: int | None) -> int:
    count = int(dataset.get("NumberOfFrames") or 1)
    if frame is None and count > 1:
        problem = f"holds {count} frames and `frame` does not say which"
        raise unreadable(name, problem, f"Choose one from 0 to {count - 1} with `frame`.")
    if frame is not None and not 0 <= frame < count:
        raise unreadable(name, f"has no frame {frame}", f"Choose one from 0 to {count - 1}.")
    return frame or 0


def _flatten_groups(dataset: "Dataset", index: int) -> None:
    """Lift the values that enhanced objects keep in functional groups to the top level."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
    for group in [*shared[:1], *frames[index : index + 1]]:
        items = [item for element in group if element.VR == "SQ" for item in element.value]
        for item in items:
            for keyword in _FRAME_VALUES:
                if keyword in item:
                    dataset.add(item[keyword])


def _spacing(dataset: "Dataset") -> tuple[float, float] | None:
    for keyword in _SPACINGS:
        value = dataset.get(keyword)
        if value and len(value) == 2 and min(float(v) for v in value) > 0:
            return float(value[0]), float(value[1])
    return None
