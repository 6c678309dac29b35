"""CheXpert: frontal chest films of Stanford Hospital, labelled from their reports.

Source: Irvin et al., "CheXpert", arXiv:1901.07031. Research only, after an agreement.
"""

from collections.abc import Iterator
from pathlib import Path

from sequela.cohorts.chest_labels import COLUMNS, check_options, is_frontal, read_findings
from sequela.cohorts.examples import Example, checked
from sequela.cohorts.splits import split_of
from sequela.cohorts.tables import Row, find_folder, read_rows

SIDES = {"train": "train", "valid": "val"}  # theirs to ours
_FOLDERS = ("CheXpert-v1.0", "CheXpert-v1.0-small", "chexpert")
_COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *COLUMNS)


def chexpert(root: Path, *, uncertain: str = "drop", split: str = "own") -> list[Example]:
    """The frontal films of CheXpert, AP and PA.

    Args:
        root: Folder that holds CheXpert-v1.0 or CheXpert-v1.0-small.
        uncertain: `drop`, `positive` or `negative`: what a label of -1 is.
        split: `own` is the set's: train.csv and valid.csv, and no test side. `hash` makes three
            sides of all films, by patient.
    """
    check_options(uncertain, split)
    folder = find_folder(root, _FOLDERS, "train.csv")
    return checked(list(_examples(folder, uncertain, split)), folder.name)


def _examples(folder: Path, uncertain: str, split: str) -> Iterator[Example]:
    for part, side in SIDES.items():
        for row in read_rows(folder, f"{part}.csv", _COLUMNS):
            if not is_frontal(row, "Frontal/Lateral", "AP/PA"):
                continue
            place = _place(row, part)
            patient = place.split("/")[1]
            findings, left_open = read_findings(row, uncertain)
            yield Example(
                path=folder / place,
                patient=patient,
                split=side if split == "own" else split_of(patient),
                findings=findings,
                view=row["AP/PA"],
                open_findings=left_open,
                age_years=row.years("Age"),
                sex=row.sex("Sex"),
            )


def _place(row: Row, part: str) -> str:
    """The film below the set's folder; the table's first part is the folder's official name."""
    place = "/".join(row["Path"].split("/")[-4:])
    if not place.startswith(f"{part}/patient") or place.count("/") != 3:
        raise row.refused("Path", f"must end like {part}/patient00001/study1/view1_frontal.jpg")
    return place
