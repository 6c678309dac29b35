"""HAM10000: dermoscopies of pigmented lesions, as released on Dataverse and Kaggle.

Source: Tschandl et al., Scientific Data 2018, doi 10.1038/sdata.2018.161. Non-commercial.
"""

from collections.abc import Iterator
from pathlib import Path

from sequela.cohorts.examples import Example, checked
from sequela.cohorts.skin import NAMES
from sequela.cohorts.splits import split_of
from sequela.cohorts.tables import find_folder, find_table, read_rows
from sequela.core import UnreadableFileError

CODES = {code: NAMES[code] for code in ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")}
_FOLDERS = ("HAM10000", "ham10000", "skin-cancer-mnist-ham10000", "dataverse_files")
_TABLES = ("HAM10000_metadata.csv", "HAM10000_metadata")  # Dataverse leaves the ending out
_PARTS = ("HAM10000_images_part_1", "HAM10000_images_part_2")
_COLUMNS = ("lesion_id", "image_id", "dx", "age", "sex")


def ham10000(root: Path) -> list[Example]:
    """HAM10000's seven diagnoses; a nevus has no finding, for there is no healthy skin.

    The table does not tell patients, so lesions stand for them: all images of a lesion are on one
    side, two lesions of a person need not be. The sides are a hash of the lesion.

    Args:
        root: Folder that holds HAM10000, with its table and two folders of images.
    """
    folder = find_folder(root, _FOLDERS, *_TABLES)
    table = next(name for name in _TABLES if find_table(folder, name))
    return checked(list(_examples(folder, table)), folder.name)


def _examples(folder: Path, table: str) -> Iterator[Example]:
    images = _images(folder)
    for row in read_rows(folder, table, _COLUMNS):
        findings = row.choose("dx", CODES)
        if row["image_id"] not in images:
            raise UnreadableFileError(
                f"`data` of {folder.name} names {row['image_id']}.jpg, which is in neither "
                f"{_PARTS[0]} nor {_PARTS[1]}. Is the copy complete?"
            )
        yield Example(
            path=images[row["image_id"]],
            patient=row["lesion_id"],
            split=split_of(row["lesion_id"]),
            findings=findings,
            age_years=row.years("age"),
            sex=row.sex("sex"),
        )


def _images(folder: Path) -> dict[str, Path]:
    """Where each image is: nothing but a look tells which part holds it."""
    parts = [folder / name for part in _PARTS for name in (part, part.lower())]
    found = {path.stem: path for part in parts if part.is_dir() for path in part.glob("*.jpg")}
    if not found:
        raise UnreadableFileError(
            f"`data` of {folder.name} must hold {_PARTS[0]} and {_PARTS[1]} with .jpg images, "
            "but there are none. Unpack both beside the table."
        )
    return found
