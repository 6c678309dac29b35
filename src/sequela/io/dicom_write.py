"""Derived DICOM: a state of a run as a Secondary Capture that says it is synthetic.

Source: DICOM PS3.3 A.8 (Secondary Capture), C.7.6.1.1.2 (image type), C.12.1 (SyntheticData).
"""

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sequela.core import DISCLAIMER, GeometryMismatchError, InvalidInputError, Scan
from sequela.io.files import write_bytes

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_COPIED = (
    "BodyPartExamined",
    "ViewPosition",
    "Laterality",
    "ImageLaterality",
    "PatientOrientation",
    "PatientSex",
    "PatientAge",
    "LossyImageCompression",
)
_MODALITIES = {"xray": "DX", "ct": "CT", "mr": "MR", "photo": "XC", "unknown": "OT"}
_EMPTY = (  # attributes that must be there and may be empty
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "PatientOrientation",
)
_SOFTWARE = "Sequela"


@dataclass(frozen=True, kw_only=True)
class DicomSeries:
    """The study and series that all states of a run share."""

    study_uid: str
    series_uid: str

    @classmethod
    def new(cls) -> "DicomSeries":
        """A study and a series that nobody has used."""
        from pydicom.uid import generate_uid

        return cls(study_uid=str(generate_uid()), series_uid=str(generate_uid()))


def write_derived_dicom(
    scan: Scan,
    image: np.ndarray,
    path: str | Path,
    *,
    description: str,
    series: DicomSeries,
    instance: int = 1,
) -> Path:
    """Write one state as a derived, synthetic DICOM image; `read_scan` gives its values back.

    Whole numbers and 8- or 16-bit colour come back bit for bit; decimals are stored on the grid of
    the scan's own DICOM rescale, and are refused when it has none.

    Args:
        scan: The baseline: its window, spacing and, if it was DICOM, its safe header are kept.
        image: The state, on the baseline's grid and in its units.
        path: The file to write.
        description: How it was made, for DerivationDescription; at most 1024 characters are kept.
        series: Shared by all states of the run.
        instance: Its number in the series, from 1.

    Raises:
        GeometryMismatchError: `image` has another shape than the scan.
        InvalidInputError: the scan is a volume, or decimals have no rescale to be stored with.
    """
    if scan.is_volume:
        raise InvalidInputError(
            "`--dicom` writes single pictures, but the scan is a volume of shape "
            f"{scan.array.shape}. Leave it out; volumes are written as NIfTI."
        )
    if image.shape != scan.array.shape:
        raise GeometryMismatchError(
            f"`image` must lie on the scan's grid {scan.array.shape}, got {image.shape}. "
            "Resample it first."
        )
    return _written(scan, image, Path(path), _identity(scan, description, series, instance))


def write_derived_series(
    scan: Scan,
    volume: np.ndarray,
    folder: str | Path,
    *,
    description: str,
    study_uid: str,
    number: int = 1,
) -> Path:
    """Write a volume as one derived, synthetic DICOM series; `read_volume` gives its values back.

    Args:
        scan: The baseline: its place, window and, if it was DICOM, its safe header are kept.
        volume: On the baseline's grid and in its units.
        folder: To make; one file a slice, the lowest first.
        description: How it was made, for DerivationDescription.
        study_uid: Shared by all series of the run.
        number: SeriesNumber, from 1.

    Raises:
        GeometryMismatchError: `volume` has another shape than the scan, or the scan no place.
        InvalidInputError: Decimals have no rescale to be stored with.
    """
    if scan.affine is None or volume.shape != scan.array.shape:
        raise GeometryMismatchError(
            f"`volume` must lie on the scan's grid {scan.array.shape} with a place in the patient, "
            f"got {volume.shape}. Resample it first."
        )
    series = DicomSeries(study_uid=study_uid, series_uid=DicomSeries.new().series_uid)
    steps = np.linalg.norm(scan.affine[:3, :3], axis=0)
    turn = (scan.affine[:3, :3] / steps)[:, [2, 1]].T.ravel()  # along a row, along a column
    flat = replace(
        scan, array=scan.array[0], affine=None, spacing_mm=(float(steps[1]), float(steps[2]))
    )
    for depth, plane in enumerate(volume):
        dataset = _identity(flat, description, series, depth + 1)
        dataset.SeriesNumber = number
        dataset.SliceThickness = _decimal(steps[0])
        dataset.ImageOrientationPatient = [_decimal(v) for v in turn]
        corner = scan.affine @ np.array([depth, 0, 0, 1.0])
        dataset.ImagePositionPatient = [_decimal(v) for v in corner[:3]]
        _written(flat, plane, Path(folder) / f"{depth:04d}.dcm", dataset)
    return Path(folder)


def _written(scan: Scan, image: np.ndarray, path: Path, dataset: "Dataset") -> Path:
    _add_geometry(dataset, scan)
    _add_pixels(dataset, scan, image)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return write_bytes(path, file.getvalue())


def _identity(scan: Scan, description: str, series: DicomSeries, instance: int) -> "Dataset":
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _EMPTY:
        setattr(dataset, keyword, "")
    header = scan.header if scan.header is not None else Dataset()
    for keyword in _COPIED:
        if keyword in header:
            dataset.add(header[keyword])
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = series.study_uid, series.series_uid
    dataset.SeriesNumber, dataset.InstanceNumber = 1, instance
    dataset.PatientID, dataset.PatientName = "SYNTHETIC", "Synthetic^Sequela"
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "Only attributes on Sequela's keep-list were kept"
    dataset.Modality = header.get("Modality") or _MODALITIES[scan.modality]
    dataset.ConversionType = "SYN"
    dataset.Manufacturer = _SOFTWARE
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = description[:1024]
    dataset.SeriesDescription = "Synthetic, research only"
    dataset.ImageComments = DISCLAIMER
    dataset.SyntheticData = "YES"
    dataset.ContentQualification = "RESEARCH"
    dataset.BurnedInAnnotation = header.get("BurnedInAnnotation") or "NO"
    return dataset


def _add_geometry(dataset: "Dataset", scan: Scan) -> None:
    if scan.spacing_mm is not None:
        dataset.PixelSpacing = [_decimal(v) for v in scan.spacing_mm]
    if not scan.is_colour:
        dataset.WindowCenter = _decimal((scan.window.low + scan.window.high) / 2)
        dataset.WindowWidth = _decimal(scan.window.high - scan.window.low)
        dataset.VOILUTFunction = "LINEAR_EXACT"


def _add_pixels(dataset: "Dataset", scan: Scan, image: np.ndarray) -> None:
    stored = image
    if image.dtype.kind == "f":
        stored = _on_stored_grid(dataset, scan, image)
    elif not scan.is_colour:
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
        dataset.RescaleType = "HU" if scan.modality == "ct" else "US"
    bits = 8 * stored.dtype.itemsize
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel = 3 if scan.is_colour else 1
    dataset.PhotometricInterpretation = "RGB" if scan.is_colour else "MONOCHROME2"
    if scan.is_colour:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = bits
    dataset.BitsStored = _bits_stored(scan, stored)
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    data = np.ascontiguousarray(stored, dtype=stored.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"


def _on_stored_grid(dataset: "Dataset", scan: Scan, image: np.ndarray) -> np.ndarray:
    """Decimals as the stored numbers that the scanner's own rescale turns into them."""
    header = scan.header if scan.header is not None else {}
    slope = float(header.get("RescaleSlope") or 0)
    if not slope:
        raise InvalidInputError(
            f"`--dicom` stores whole numbers, but the scan holds {image.dtype} without a rescale "
            "of its own. Leave it out; the states are written as TIFF."
        )
    intercept = float(header.get("RescaleIntercept") or 0)
    numbers = np.rint((image.astype(np.float64) - intercept) / slope)
    signed = bool(header.get("PixelRepresentation", 0)) or numbers.min() < 0
    bounds = np.iinfo(np.int16 if signed else np.uint16)
    dataset.RescaleSlope, dataset.RescaleIntercept = _decimal(slope), _decimal(intercept)
    dataset.RescaleType = header.get("RescaleType") or "US"
    return np.clip(numbers, bounds.min, bounds.max).astype(bounds.dtype)


def _bits_stored(scan: Scan, stored: np.ndarray) -> int:
    """The baseline's own bit depth where it still holds every value."""
    bits = 8 * stored.dtype.itemsize
    own = int(scan.header.get("BitsStored", bits)) if scan.header is not None else bits
    fits = stored.dtype.kind == "u" and 1 < own <= bits and int(stored.max()) < 2**own
    return own if fits else bits


def _decimal(value: float) -> str:
    """A number in the 16 characters that DICOM allows."""
    from pydicom.valuerep import format_number_as_ds

    return str(format_number_as_ds(float(value)))
