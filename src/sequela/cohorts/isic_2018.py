"""Task 3 of the ISIC challenge of 2018: dermoscopies of seven diagnoses.

Source: Codella et al., "Skin Lesion Analysis Toward Melanoma Detection 2018", arXiv:1902.03368.
Non-commercial. Its training images are HAM10000's.
"""

from collections.abc import Iterator
from pathlib import Path

from sequela.cohorts.examples import Example, checked
from sequela.cohorts.ham10000 import CODES
from sequela.cohorts.splits import split_of
from sequela.cohorts.tables import Row, find_folder, read_rows

_SET = "ISIC2018_Task3"
_SIDES = {"Training": "train", "Validation": "val", "Test": "test"}  # theirs to ours
_FOLDERS = ("isic-2018", "ISIC2018", "isic2018", "ISIC_2018")
_GROUPS = f"{_SET}_Training_LesionGroupings.csv"
_COLUMNS = tuple(code.upper() for code in CODES)
_HOT = {"1.0": True, "1": True, "0.0": False, "0": False}


def isic_2018(root: Path) -> list[Example]:
    """Training, validation and test images of task 3, each a side of its own.

    Where only the training images are there, the sides are a hash of the lesion. Lesions stand for
    patients, whom the tables do not tell; of validation and test images each stands for itself.

    Args:
        root: Folder that holds isic-2018, with ISIC2018_Task3_Training_Input and the like.
    """
    folder = find_folder(root, _FOLDERS, _truth("Training"), f"{_SET}_Training_GroundTruth.csv")
    parts = [part for part in _SIDES if _table(folder, part)]
    lesions = {
        row["image"]: row["lesion_id"] for row in read_rows(folder, _GROUPS, ("image", "lesion_id"))
    }
    examples = [
        e for part in parts for e in _examples(folder, part, lesions, alone=parts == ["Training"])
    ]
    return checked(examples, folder.name)


def _examples(
    folder: Path, part: str, lesions: dict[str, str], *, alone: bool
) -> Iterator[Example]:
    for row in read_rows(folder, _table(folder, part), ("image", *_COLUMNS)):
        if part == "Training" and row["image"] not in lesions:
            raise row.refused("image", f"must be in {_GROUPS}, which tells its lesion")
        patient = lesions.get(row["image"], row["image"])
        yield Example(
            path=folder / f"{_SET}_{part}_Input" / f"{row['image']}.jpg",
            patient=patient,
            split=split_of(patient) if alone else _SIDES[part],
            findings=CODES[_diagnosis(row)],
        )


def _truth(part: str) -> str:
    return f"{_SET}_{part}_GroundTruth/{_SET}_{part}_GroundTruth.csv"


def _table(folder: Path, part: str) -> str:
    """The ground truth in its own folder or beside it; "" where there is none."""
    places = (_truth(part), f"{_SET}_{part}_GroundTruth.csv")
    return next((place for place in places if (folder / place).is_file()), "")


def _diagnosis(row: Row) -> str:
    marked = [column for column in _COLUMNS if row.choose(column, _HOT)]
    if len(marked) != 1:
        raise row.refused("image", f"must have one of {', '.join(_COLUMNS)}, has {marked}")
    return marked[0].lower()
