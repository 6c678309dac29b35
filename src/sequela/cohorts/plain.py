"""Any images of one's own, named in a plain CSV."""

from collections.abc import Iterator
from pathlib import Path

from sequela.cohorts.examples import Example, checked
from sequela.cohorts.splits import SPLITS, split_of
from sequela.cohorts.tables import Row, find_folder, read_rows
from sequela.core import InvalidInputError

_FOLDERS = ("plain-csv",)
_TABLE = "images.csv"
_OPTIONAL = ("patient", "split", "view", "text", "age_years", "sex", "open_findings")
_UNLABELLED = "?"


def plain_csv(root: Path) -> list[Example]:
    """The images that images.csv names.

    Columns: `file`, from the table's folder on; `findings`, names of the vocabulary with | between
    them, blank for none and ? for an image that nobody has labelled. At least one of `patient` and
    `split`: without `split` the sides are a hash of the patient, without `patient` every image is
    taken for another person's. May have `view`, `text`, `age_years`, `sex` and `open_findings`.

    Args:
        root: Folder that holds images.csv, or plain-csv/images.csv.
    """
    folder = find_folder(root, _FOLDERS, _TABLE)
    return checked(list(_examples(folder)), folder.name)


def _examples(folder: Path) -> Iterator[Example]:
    for row in read_rows(folder, _TABLE, ("file", "findings"), optional=_OPTIONAL):
        if not row["patient"] and not row["split"]:
            raise InvalidInputError(
                f"`{_TABLE}` must tell `patient` or `split` of each image, but line {row.line} "
                "tells neither. Images of one person on two sides would spoil every score."
            )
        patient = row["patient"] or row["file"]
        yield Example(
            path=folder / row["file"],
            patient=patient,
            split=row.choose(
                "split", dict.fromkeys(SPLITS, row["split"]) | {"": split_of(patient)}
            ),
            findings=None if row["findings"] == _UNLABELLED else _names(row, "findings"),
            view=row["view"],
            open_findings=_names(row, "open_findings"),
            age_years=row.years("age_years"),
            sex=row.sex("sex"),
            text=row["text"],
        )


def _names(row: Row, column: str) -> tuple[str, ...]:
    return tuple(sorted(name.strip() for name in row[column].split("|") if name.strip()))
