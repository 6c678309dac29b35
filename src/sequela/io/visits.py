"""What two files tell of the visits they come from: whether of one patient, and on which day.

Looked at and forgotten: neither identity nor date goes into a scan, a record or a run folder.
"""

import re
from datetime import date
from pathlib import Path

from sequela.io.files import read_bytes
from sequela.io.kinds import kind_of

_DATES = ("AcquisitionDate", "ContentDate", "SeriesDate", "StudyDate")


def same_patient(first: str | Path, last: str | Path) -> bool | None:
    """Whether two DICOM files carry the same patient's identity; None where they do not tell."""
    told = [_tags(path) for path in (first, last)]
    for keyword in ("PatientID", "PatientName"):
        one, other = (tags.get(keyword, "") for tags in told)
        if one and other:
            return one == other
    return None


def visit_date(path: str | Path) -> date | None:
    """The day on which a DICOM file says it was acquired; None where it does not tell."""
    tags = _tags(path)
    for keyword in _DATES:
        digits = re.fullmatch(r"(\d{4})(\d{2})(\d{2})", tags.get(keyword, ""))
        if digits is not None:
            try:
                return date(*(int(part) for part in digits.groups()))
            except ValueError:  # month 13 and the like
                continue
    return None


def _tags(path: str | Path) -> dict[str, str]:
    """The few attributes that are looked at, as text; none of a file that is no DICOM."""
    import io

    from pydicom import config, dcmread
    from pydicom.errors import InvalidDicomError

    data = read_bytes(path)
    if kind_of(data[:1024]) != "dicom":
        return {}
    wanted = ("PatientID", "PatientName", *_DATES)
    with config.disable_value_validation():
        try:
            header = dcmread(io.BytesIO(data), stop_before_pixels=True, specific_tags=list(wanted))
            return {keyword: str(header.get(keyword, "")).strip() for keyword in wanted}
        except (InvalidDicomError, OSError, ValueError, LookupError):
            return {}  # `read_scan` says what is wrong with it
