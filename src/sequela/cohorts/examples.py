"""Example and Cohort: images with their findings, split by patient."""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sequela.core import InvalidInputError, UnreadableFileError
from sequela.core.checks import check_choice

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Example:
    """One image of a cohort.

    Attributes:
        path: The file.
        patient: Stable name of the person; a person is on one side of the split only.
        split: `train`, `val` or `test`.
        findings: Names of the vocabulary; empty means "no finding", None means unlabelled.
        view: How it was taken, such as PA or AP; "" where unknown.
    """

    path: Path
    patient: str
    split: str
    findings: tuple[str, ...] | None
    view: str = ""


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
    _check(examples, folder.name)
    return examples


def _check(examples: list[Example], name: str) -> None:
    sides: dict[str, str] = {}
    for example in examples:
        check_choice("split", example.split, SPLITS)
        if sides.setdefault(example.patient, example.split) != example.split:
            raise InvalidInputError(
                f"`split` of {name} must put a patient on one side, but {example.patient} is "
                "on two. "
                "Split by patient, not by image."
            )
        if not example.path.is_file():
            raise UnreadableFileError(
                f"`data` of {name} names {example.path.name}, which is not there. "
                "Is the copy complete?"
            )
