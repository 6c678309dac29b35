"""The ISIC challenge of 2024 (SLICE-3D): crops of single lesions from photographs of whole bodies.

Source: Kurtansky et al., "The SLICE-3D dataset", Scientific Data 2024,
doi 10.1038/s41597-024-03743-w. Non-commercial.
"""

from collections.abc import Iterator
from pathlib import Path

from sequela.cohorts.examples import Example, checked
from sequela.cohorts.skin import NAMES
from sequela.cohorts.splits import split_of
from sequela.cohorts.tables import Row, find_folder, read_rows

VIEW = "TBP"  # total body photography: no dermatoscope, 15 mm across
_FOLDERS = ("isic-2024-challenge", "isic-2024", "ISIC2024")
_TABLE = "train-metadata.csv"
_COLUMNS = ("isic_id", "target", "patient_id", "age_approx", "sex", "iddx_full")
_TARGETS = {"0": "benign", "1": "malignant"}
# Second and third level of "Benign::Benign melanocytic proliferations::Nevus::Nevus, Spitz".
_KINDS = {
    "Malignant melanocytic proliferations (Melanoma)": NAMES["mel"],
    "Benign soft tissue proliferations - Vascular": NAMES["vasc"],
    "Nevus": NAMES["nv"],
    "Basal cell carcinoma": NAMES["bcc"],
    "Solar or actinic keratosis": NAMES["akiec"],
    "Squamous cell carcinoma in situ": NAMES["akiec"],
    "Seborrheic keratosis": NAMES["bkl"],
    "Pigmented benign keratosis": NAMES["bkl"],
    "Solar lentigo": NAMES["bkl"],
    "Lichen planus like keratosis": NAMES["bkl"],
    "Dermatofibroma": NAMES["df"],
}


def isic_2024(root: Path, *, unlabelled: bool = False) -> list[Example]:
    """Lesions with one of the seven diagnoses; the sides are a hash of the patient.

    Most of the 400 000 crops are called benign and nothing more, which says too little.

    Args:
        root: Folder that holds isic-2024-challenge, with train-metadata.csv and train-image/image.
        unlabelled: Whether to give the crops of no or another diagnosis too.
    """
    folder = find_folder(root, _FOLDERS, _TABLE)
    return checked(list(_examples(folder, unlabelled)), folder.name)


def _examples(folder: Path, unlabelled: bool) -> Iterator[Example]:
    for row in read_rows(folder, _TABLE, _COLUMNS):
        row.choose("target", _TARGETS)
        findings = _findings(row)
        if findings is None and not unlabelled:
            continue
        yield Example(
            path=folder / "train-image" / "image" / f"{row['isic_id']}.jpg",
            patient=row["patient_id"],
            split=split_of(row["patient_id"]),
            findings=findings,
            view=VIEW,
            age_years=row.years("age_approx"),
            sex=row.sex("sex"),
        )


def _findings(row: Row) -> tuple[str, ...] | None:
    levels = row["iddx_full"].split("::")
    if levels[0] not in ("Benign", "Malignant", "Indeterminate"):
        raise row.refused("iddx_full", "must begin with Benign, Malignant or Indeterminate")
    return next((_KINDS[level] for level in levels[1:3] if level in _KINDS), None)
