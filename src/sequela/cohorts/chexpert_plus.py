"""CheXpert Plus: the films of CheXpert once more, with their reports.

Source: Chambon et al., "CheXpert Plus", arXiv:2405.19538. Research only, after an agreement.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from sequela.cohorts.chest_labels import COLUMNS, check_options, is_frontal, read_findings
from sequela.cohorts.chexpert import SIDES
from sequela.cohorts.examples import Example, checked
from sequela.cohorts.splits import split_of
from sequela.cohorts.tables import Row, find_folder, read_rows
from sequela.core import InvalidInputError, UnreadableFileError
from sequela.core.checks import check_choice

Found = tuple[tuple[str, ...], tuple[str, ...]]  # findings present, findings left open

_FOLDERS = ("chexpert-plus", "chexpert_plus", "CheXpert-Plus", "CheXpertPlus", "cheXpert_plus")
_TABLE = "df_chexpert_plus_240401.csv"
_COLUMNS = (
    *("path_to_image", "frontal_lateral", "ap_pa", "deid_patient_id", "age", "sex", "split"),
    *("section_findings", "section_impression"),
)


def chexpert_plus(
    root: Path, *, uncertain: str = "drop", split: str = "own", section: str = "impression"
) -> list[Example]:
    """The frontal films of CheXpert Plus, AP and PA; their text is the report's impression.

    Args:
        root: Folder that holds chexpert-plus.
        uncertain: `drop`, `positive` or `negative`: what a label of -1 is.
        split: `own` or `hash`, as for `chexpert`.
        section: Part of the report that the labels were read from: `impression`, `findings` or
            `report`. A whole report also tells of earlier films.
    """
    check_options(uncertain, split)
    check_choice("section", section, ("impression", "findings", "report"))
    folder = find_folder(root, _FOLDERS, _TABLE)
    labels = folder / "chexbert_labels" / f"{section}_fixed.json"
    found = {row["path_to_image"]: read_findings(row, uncertain) for row in _labels(labels)}
    return checked(list(_examples(folder, found, split)), folder.name)


def _examples(folder: Path, found: dict[str, Found], split: str) -> Iterator[Example]:
    images = _images(folder)
    for row in read_rows(folder, _TABLE, _COLUMNS):
        if not is_frontal(row, "frontal_lateral", "ap_pa"):
            continue
        side = row.choose("split", SIDES)
        findings, left_open = found.get(row["path_to_image"], (None, ()))
        yield Example(
            # the table says .jpg, yet the images come as .png
            path=images / row["path_to_image"].replace(".jpg", ".png"),
            patient=row["deid_patient_id"],
            split=side if split == "own" else split_of(row["deid_patient_id"]),
            findings=findings,
            view=row["ap_pa"],
            open_findings=left_open,
            age_years=row.years("age"),
            sex=row.sex("sex"),
            text=row["section_impression"] or row["section_findings"],
        )


def _images(folder: Path) -> Path:
    """Unpacked, PNG.zip gives PNG/train or PNG/PNG/train."""
    places = (folder / "PNG" / "PNG", folder / "PNG", folder)
    return next((place for place in places if (place / "train").is_dir()), folder / "PNG")


def _labels(path: Path) -> Iterator[Row]:
    """The lines of a label file, each a JSON object with numbers or null."""
    if not path.is_file():
        raise UnreadableFileError(
            f"`data` must hold {path.parent.name}/{path.name}, but there is none in "
            f"{path.parents[1]}. Unpack chexbert_labels.zip of CheXpert Plus there."
        )
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield _label_row(path.name, number, line)


def _label_row(name: str, number: int, line: str) -> Row:
    try:
        record = json.loads(line)
        values = {column: record[column] for column in ("path_to_image", *COLUMNS)}
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"`{name}` must hold a JSON object with path_to_image and the 14 labels in each line, "
            f"but line {number} does not ({error}). Is the copy complete?"
        ) from error
    return Row(name, number, {c: "" if v is None else str(v) for c, v in values.items()})
