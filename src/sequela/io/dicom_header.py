"""The part of a DICOM header that is kept: what the picture means, never whom it shows.

A keep-list, because a drop-list forgets: no names, identifiers, dates, institutions, comments,
private attributes, overlays or curves; the only UID kept is the SOP class.
"""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

KEPT = (
    "SOPClassUID",
    "ImageType",
    "Modality",
    "ConversionType",
    "BodyPartExamined",
    "ViewPosition",
    "Laterality",
    "ImageLaterality",
    "PatientOrientation",
    "PatientPosition",
    "PatientSex",
    "PatientAge",
    "KVP",
    "MagneticFieldStrength",
    "ScanningSequence",
    "RepetitionTime",
    "EchoTime",
    "InversionTime",
    "SliceThickness",
    "SpacingBetweenSlices",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "PixelAspectRatio",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PresentationLUTShape",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelIntensityRelationship",
    "PixelIntensityRelationshipSign",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "BurnedInAnnotation",
    "LossyImageCompression",
)
_CODE = re.compile(r"[A-Z0-9_ ]{0,16}")
_OLDEST_TOLD_YEARS = 89  # greater ages are rare enough to name a person (US HIPAA, 45 CFR 164.514)


def safe_header(dataset: "Dataset") -> "Dataset":
    """The kept attributes of a dataset, as they read back from DICOM JSON.

    `PhotometricInterpretation` stays as in the file: MONOCHROME1 tells that the scan's values were
    inverted on reading, so that bright is dense.
    """
    from pydicom.dataset import Dataset

    kept = Dataset()
    for keyword in KEPT:
        element = dataset.get(keyword)
        if element is not None and _is_safe(keyword, dataset[keyword].VR, element):
            kept.add(dataset[keyword])
    # through JSON once, so that a run folder gives back an equal header
    return header_from_json(header_to_json(kept))


def header_to_json(header: "Dataset") -> dict[str, Any]:
    """As DICOM JSON (PS3.18 annex F); attributes with unreadable values are left out."""
    return dict(header.to_json_dict(suppress_invalid_tags=True))


def header_from_json(values: dict[str, Any]) -> "Dataset":
    """Back from DICOM JSON."""
    from pydicom.dataset import Dataset

    return Dataset.from_json(values)


def _is_safe(keyword: str, representation: str, value: Any) -> bool:
    if keyword == "PatientAge":
        years = re.fullmatch(r"(\d{3})Y", str(value))
        return years is None or int(years[1]) <= _OLDEST_TOLD_YEARS
    if representation != "CS":
        return True
    # Free text does not belong into code attributes, but people put it there.
    parts = [value] if isinstance(value, str) else list(value)
    return all(_CODE.fullmatch(str(part)) for part in parts)
