"""MIMIC-CXR-JPG: frontal chest films of Beth Israel Deaconess, labelled from their reports.

Source: Johnson et al., "MIMIC-CXR-JPG", arXiv:1901.07042. For credentialed users of PhysioNet
only; neither the films nor what memorises them may be passed on.
"""

from collections.abc import Iterator
from pathlib import Path

from sequela.cohorts.chest_labels import COLUMNS, VIEWS, check_options, read_findings
from sequela.cohorts.examples import Example, checked
from sequela.cohorts.tables import find_folder, read_rows

_SIDES = {"train": "train", "validate": "val", "test": "test"}  # theirs to ours
_NAME = "mimic-cxr-2.0.0-{}.csv.gz"  # version 2.1.0 kept these names
_FOLDERS = (
    "mimic-cxr-jpg",
    "mimic-cxr-jpg/2.1.0",
    "mimic-cxr-jpg/2.0.0",
    "physionet.org/files/mimic-cxr-jpg/2.1.0",
    "physionet.org/files/mimic-cxr-jpg/2.0.0",
)


def mimic_cxr_jpg(root: Path, *, uncertain: str = "drop") -> list[Example]:
    """The frontal films of MIMIC-CXR-JPG, AP and PA, on the set's own three sides.

    The labels are CheXpert's. Ages, sexes and reports are in other MIMIC releases and not read.

    Args:
        root: Folder that holds mimic-cxr-jpg, or what wget makes: physionet.org.
        uncertain: `drop`, `positive` or `negative`: what a label of -1 is.
    """
    check_options(uncertain)
    folder = find_folder(root, _FOLDERS, _NAME.format("metadata"))
    return checked(list(_examples(folder, uncertain)), folder.name)


def _examples(folder: Path, uncertain: str) -> Iterator[Example]:
    sides = {
        row["dicom_id"]: row.choose("split", _SIDES)
        for row in read_rows(folder, _NAME.format("split"), ("dicom_id", "split"))
    }
    found = {
        row["study_id"]: read_findings(row, uncertain)
        for row in read_rows(folder, _NAME.format("chexpert"), ("study_id", *COLUMNS))
    }
    columns = ("dicom_id", "subject_id", "study_id", "ViewPosition")
    for row in read_rows(folder, _NAME.format("metadata"), columns):
        if row["ViewPosition"] not in VIEWS:  # lateral, oblique, lying on a side, unknown
            continue
        if row["dicom_id"] not in sides:
            raise row.refused("dicom_id", f"must be in {_NAME.format('split')}")
        findings, left_open = found.get(row["study_id"], (None, ()))  # some have no report
        patient = f"p{row['subject_id']}"
        place = f"files/{patient[:3]}/{patient}/s{row['study_id']}/{row['dicom_id']}.jpg"
        yield Example(
            path=folder / place,
            patient=patient,
            split=sides[row["dicom_id"]],
            findings=findings,
            view=row["ViewPosition"],
            open_findings=left_open,
        )
