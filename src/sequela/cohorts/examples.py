"""Example and Cohort: images with their findings, split by patient."""

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sequela.cohorts.splits import SPLITS, check_sides
from sequela.core import InvalidInputError, UnreadableFileError

# A look at every file of a large set takes minutes on a network disk.
ALL_FILES_CHECKED = 20_000  # up to so many images; of larger sets the first image of each side


@dataclass(frozen=True, kw_only=True)
class Example:
    """One image of a cohort.

    Attributes:
        path: The file.
        patient: Stable name of the person; a person is on one side of the split only.
        split: `train`, `val` or `test`.
        findings: Names of the vocabulary; empty means "no finding", None means unlabelled.
        view: How it was taken, such as PA or AP; "" where unknown.
        open_findings: Names that the source calls uncertain: neither present nor absent. A film
            with none of either is a film without a finding.
        age_years: Age of the patient then; None where unknown.
        sex: `female` or `male`; "" where unknown.
        text: Words that came with the image, such as the impression of its report.
    """

    path: Path
    patient: str
    split: str
    findings: tuple[str, ...] | None
    view: str = ""
    open_findings: tuple[str, ...] = ()
    age_years: float | None = None
    sex: str = ""
    text: str = ""


def read_labels(
    folder: Path, columns: Iterable[str], make: Callable[[dict[str, str]], Example | None]
) -> list[Example]:
    """Turn each row of `folder/labels.csv` into an example; `make` returns None to leave a row out.

    Raises:
        UnreadableFileError: The table or an image it names is missing.
        InvalidInputError: A column is missing, or a patient is on two sides of the split.
    """
    table = folder / "labels.csv"
    if not table.is_file():
        raise UnreadableFileError(
            f"`data` must hold {folder.name}/labels.csv, but there is none in {folder.parent}. "
            "Give the folder that holds the data sets with --data or SEQUELA_DATA."
        )
    with table.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        missing = sorted(set(columns) - set(reader.fieldnames or ()))
        if missing:
            raise InvalidInputError(
                f"`labels.csv` of {folder.name} must have the columns {missing}; it has "
                f"{reader.fieldnames}. Is it the right data set?"
            )
        examples = [example for row in reader if (example := make(row)) is not None]
    return checked(examples, folder.name)


def age_years_of(row: Mapping[str, str]) -> float | None:
    """The age in a `labels.csv`; None where the column is missing, blank or not a number."""
    try:
        return float(row.get("age") or "")
    except ValueError:
        return None


def sex_of(row: Mapping[str, str]) -> str:
    """`female`, `male`, or "" where a `labels.csv` tells neither."""
    return {"f": "female", "m": "male"}.get((row.get("sex") or "")[:1].lower(), "")


def checked(examples: list[Example], name: str) -> list[Example]:
    """The same examples, once it is certain that they make a cohort.

    Raises:
        UnreadableFileError: There are none, or an image is missing. Sets of more than
            `ALL_FILES_CHECKED` images are only looked at in one place of each side.
        InvalidInputError: A patient is on two sides of the split.
    """
    if not examples:
        raise UnreadableFileError(
            f"`data` of {name} must hold an image that can be used, but its tables name none."
        )
    check_sides(((example.patient, example.split) for example in examples), name)
    for example in examples if len(examples) <= ALL_FILES_CHECKED else _first_of_each(examples):
        if not example.path.is_file():
            raise UnreadableFileError(
                f"`data` of {name} names {example.path.name}, which is not there; expected it in "
                f"{example.path.parent}. Is the copy complete?"
            )
    return examples


def _first_of_each(examples: list[Example]) -> list[Example]:
    firsts = (next((e for e in examples if e.split == split), None) for split in SPLITS)
    return [example for example in firsts if example is not None]
