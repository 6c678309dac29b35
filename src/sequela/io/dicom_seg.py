"""DICOM segmentations to soft masks: one frame of one segment, on its own grid."""

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np

from sequela.core import InvalidInputError, SequelaError
from sequela.io.dicom_read import FAULTS
from sequela.io.files import unreadable
from sequela.io.limits import check_size

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
_LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"


def decode_dicom_seg(data: bytes, name: str, segment: int | str | None = None) -> np.ndarray:
    """The soft mask of one segment: float32 in [0, 1], rows by columns.

    Args:
        data: The file.
        name: Its name, for error messages.
        segment: Number or label of the segment; None when there is only one.

    Raises:
        UnreadableFileError: the file is damaged, is no segmentation, or has the segment on no
            frame or on several.
        InvalidInputError: there are several segments and none was chosen, or not the one chosen.
    """
    from pydicom.errors import BytesLengthException

    try:
        with warnings.catch_warnings():  # what matters is checked here
            warnings.simplefilter("ignore")
            return _decode(data, name, segment)
    except SequelaError:
        raise
    except (*FAULTS, BytesLengthException) as error:
        words = " ".join(str(error).split())
        problem = f"is a damaged DICOM segmentation ({words[:120]})"
        raise unreadable(name, problem, "Export it again, uncompressed.") from error


def _decode(data: bytes, name: str, segment: int | str | None) -> np.ndarray:
    import pydicom
    from pydicom.pixels.utils import pixel_array

    dataset = pydicom.dcmread(io.BytesIO(data))
    kind = str(dataset.get("SOPClassUID", ""))
    if kind not in (_SEGMENTATION, _LABEL_MAP):
        raise unreadable(
            name, "is DICOM, but no segmentation", "Save the mask as PNG, NIfTI or DICOM-SEG."
        )
    if "PixelData" not in dataset:
        raise unreadable(name, "is a segmentation cut off before its pixels", "Export it again.")
    check_size(name, int(dataset.Rows), int(dataset.Columns))
    number = _chosen(_segments(dataset), name, segment)
    stored = pixel_array(dataset, index=_frame(dataset, name, number, kind == _LABEL_MAP))
    if kind == _LABEL_MAP:
        return np.asarray(stored == number, np.float32)
    if dataset.SegmentationType == "FRACTIONAL":
        share = stored / float(dataset.MaximumFractionalValue)
        return np.clip(share, 0, 1).astype(np.float32)
    return (stored > 0).astype(np.float32)


def _segments(dataset: "Dataset") -> dict[int, str]:
    """Labels by number; the background of a label map is none."""
    items = {
        int(item.SegmentNumber): str(item.get("SegmentLabel", "")).strip()
        for item in dataset.SegmentSequence
    }
    return {number: label for number, label in items.items() if number > 0}


def _chosen(segments: dict[int, str], name: str, segment: int | str | None) -> int:
    listed = ", ".join(f"{number} ({label})" for number, label in sorted(segments.items()))
    if segment is None and len(segments) == 1:
        return next(iter(segments))
    if segment is None:
        raise InvalidInputError(
            f"`segment` must say which segment of {name} is the region: {listed or 'it has none'}. "
            "Choose it with --region-segment."
        )
    matching = [n for n, label in segments.items() if segment in (n, str(n)) or segment == label]
    if len(matching) != 1:
        raise InvalidInputError(
            f"`segment` must be one of {name}, by number or label, got {segment!r}. "
            f"It holds: {listed or 'none'}."
        )
    return matching[0]


def _frame(dataset: "Dataset", name: str, number: int, shared_by_all: bool) -> int:
    """The index of the one frame that holds the segment."""
    count = int(dataset.get("NumberOfFrames") or 1)
    holding = [
        index for index in range(count) if shared_by_all or number in _on(dataset, index, count)
    ]
    if len(holding) == 1:
        return holding[0]
    held = f"has segment {number} on {len(holding) or 'no'} frames"
    raise unreadable(name, held, "Save the wanted slice as a mask of its own.")


def _on(dataset: "Dataset", index: int, count: int) -> list[int]:
    """The segments on one frame, which the frame itself or all together may name."""
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for group in [*frames[index : index + 1], *shared[:1]]:
        named = group.get("SegmentIdentificationSequence") or []
        if named:
            return [int(item.ReferencedSegmentNumber) for item in named]
    return list(_segments(dataset)) if count == 1 else []
