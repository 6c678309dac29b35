"""The Kaggle competition on diabetic retinopathy of 2015: fundus photographs of EyePACS.

Source: EyePACS and California Healthcare Foundation, "Diabetic Retinopathy Detection", Kaggle
2015. Research only, by the competition's rules. What the levels are called is as in `fundus`.
"""

from collections.abc import Iterator
from pathlib import Path

from sequela.cohorts.examples import Example, checked
from sequela.cohorts.fundus import GRADES
from sequela.cohorts.splits import split_of
from sequela.cohorts.tables import Row, find_folder, find_table, read_rows

_FOLDERS = ("diabetic-retinopathy-detection", "eyepacs", "EyePACS")
_TRAIN, _TEST = "trainLabels.csv", "retinopathy_solution.csv"
_LEVELS = {"0": "", **GRADES}
_USAGES = {"Public": "val", "Private": "test"}  # the leader boards that the images were for


def eyepacs(root: Path, *, grades: bool = False) -> list[Example]:
    """Both eyes of each patient, healthy (level 0) or diabetic (1 to 4).

    With retinopathy_solution.csv, which labels the competition's test images, they are the sides
    `val` and `test`. Without it all images are training images, and the sides a hash of the
    patient.

    Args:
        root: Folder that holds diabetic-retinopathy-detection, with trainLabels.csv and train.
        grades: Whether to name the grade as well, as `fundus` does; the published loader does not.
    """
    folder = find_folder(root, _FOLDERS, _TRAIN)
    has_test = find_table(folder, _TEST) is not None
    examples = [
        _example(row, folder / "train", "train" if has_test else split_of(_patient(row)), grades)
        for row in read_rows(folder, _TRAIN, ("image", "level"))
    ]
    if has_test:
        examples += _test_examples(folder, grades)
    return checked(examples, folder.name)


def _test_examples(folder: Path, grades: bool) -> Iterator[Example]:
    rows = list(read_rows(folder, _TEST, ("image", "level", "Usage")))
    # Should two eyes of a patient ever be on two boards, both belong to the later one.
    hidden = {_patient(row) for row in rows if row.choose("Usage", _USAGES) == "test"}
    for row in rows:
        yield _example(row, folder / "test", "test" if _patient(row) in hidden else "val", grades)


def _example(row: Row, folder: Path, split: str, grades: bool) -> Example:
    grade = row.choose("level", _LEVELS)
    findings = ("diabetic", grade) if grades else ("diabetic",)
    return Example(
        path=folder / f"{row['image']}.jpeg",
        patient=_patient(row),
        split=split,
        findings=findings if grade else (),
        view="EyePACS",
    )


def _patient(row: Row) -> str:
    number, _, eye = row["image"].partition("_")
    if eye not in ("left", "right") or not number:
        raise row.refused("image", "must look like 10_left")
    return f"ep{number}"  # the name that `fundus` gives the same person
