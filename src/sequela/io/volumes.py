"""A file or folder to one oriented volume, with what tells its patient and day."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sequela.core import Scan, Source
from sequela.core.scan import Modality
from sequela.io.dicom_series import read_series
from sequela.io.files import read_bytes, unreadable
from sequela.io.kinds import HEAD_BYTES, kind_of, require_kind
from sequela.io.limits import check_contrast, check_volume_size, data_window
from sequela.io.nifti import has_orientation, spacing_of
from sequela.io.scans import read_scan
from sequela.io.visits import visit_date

_MODALITIES: dict[str, Modality] = {"CT": "ct", "MR": "mr"}


@dataclass(frozen=True, kw_only=True, eq=False)
class AcquiredVolume:
    """A volume as it was acquired.

    Attributes:
        scan: [D, H, W] with its affine.
        patient: What the header calls the patient, for comparison only; None where it is silent.
        day: Of acquisition, where the header tells.
        notices: What was left out or corrected on reading.
    """

    scan: Scan
    patient: str | None = None
    day: date | None = None
    notices: tuple[str, ...] = ()


def read_volume(path: str | Path, *, series: int | None = None) -> AcquiredVolume:
    """The volume in a NIfTI file or in a folder of DICOM slices.

    Args:
        path: The file or folder.
        series: SeriesNumber, where a folder holds several series.

    Raises:
        UnreadableFileError: It is missing or damaged, holds no volume, several, or one with a gap.
        InvalidInputError: The volume is too small, too large, of one single value, or holds NaN.
    """
    path = Path(path)
    if path.is_dir():
        return _of_folder(path, series)
    data, name = read_bytes(path), path.name
    kind = require_kind(data, name)
    if kind == "dicom":
        raise unreadable(name, "is one DICOM file", "Name the folder that holds its whole series.")
    if kind != "nifti":
        raise unreadable(name, "is a picture", "Give a NIfTI file or a folder of DICOM slices.")
    if not has_orientation(data, name):
        problem = "has a broken orientation header (neither sform nor qform is set)"
        raise unreadable(name, problem, "Convert it again, for example with dcm2niix.")
    scan = read_scan(path)
    if not scan.is_volume:
        raise unreadable(name, "holds a single slice", "Give the whole volume.")
    return AcquiredVolume(scan=scan)


def is_volume_path(path: str | Path) -> bool:
    """Whether a path is a folder, or a NIfTI file of more than one slice."""
    path = Path(path)
    if path.is_dir():
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        is_nifti = kind_of(file.read(HEAD_BYTES)) == "nifti"
    return is_nifti and read_scan(path).is_volume


def _of_folder(folder: Path, series: int | None) -> AcquiredVolume:
    volume = read_series(folder, series=series)
    check_volume_size(folder.name, volume.array.shape)
    check_contrast(folder.name, volume.array)
    scan = Scan(
        array=volume.array,
        modality=_MODALITIES.get(str(volume.header.get("Modality", "")), "unknown"),
        window=data_window(volume.array),
        source=Source(name=folder.name, sha256=volume.sha256),
        spacing_mm=spacing_of(volume.affine),
        affine=volume.affine,
        header=volume.header,
    )
    day = visit_date(volume.first)
    return AcquiredVolume(scan=scan, patient=volume.patient, day=day, notices=volume.notices)
