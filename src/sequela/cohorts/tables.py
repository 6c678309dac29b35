"""Tables of data sets: read row by row, with errors that name the table, line and column."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

from sequela.core import InvalidInputError, UnreadableFileError

T = TypeVar("T")

_SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}
_REMEDY = "Give the folder that holds the data sets with --data or SEQUELA_DATA."


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one line, by column.

    Attributes:
        table: Name of the file.
        line: Where it stands, the header being line 1.
        cells: Column to text, blanks around it removed.
    """

    table: str
    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def choose(self, column: str, meanings: Mapping[str, T]) -> T:
        """What the cell means; a value without a meaning is refused."""
        value = self.cells[column]
        if value not in meanings:
            known = ", ".join(repr(key) for key in meanings)
            raise self.refused(column, f"must be one of {known}")
        return meanings[value]

    def years(self, column: str) -> float | None:
        """An age in years; None where the cell is blank."""
        value = self.cells[column]
        if not value:
            return None
        try:
            return float(value)
        except ValueError:
            raise self.refused(column, "must be an age in years") from None

    def sex(self, column: str) -> str:
        """`female`, `male`, or "" for anything else, such as "unknown"."""
        return _SEXES.get(self.cells[column].lower(), "")

    def refused(self, column: str, rule: str) -> InvalidInputError:
        """The error for a cell that breaks a rule."""
        return InvalidInputError(
            f"`{column}` {rule}, got {self.cells[column]!r} in line {self.line} of {self.table}. "
            "Is it the right data set, unchanged?"
        )


def find_folder(root: Path, names: tuple[str, ...], *tables: str) -> Path:
    """The first of `root/name` that holds one of the tables, or `root` itself where it does.

    Raises:
        UnreadableFileError: None of them does.
    """
    for folder in (*(root / name for name in names), root):
        if any(find_table(folder, table) for table in tables):
            return folder
    raise UnreadableFileError(
        f"`data` must hold {names[0]}/{tables[0]}, but there is none in {root}; "
        f"looked in {', '.join(names)} and the folder itself. {_REMEDY}"
    )


def find_table(folder: Path, table: str) -> Path | None:
    """The table, packed as .gz or unpacked; None where neither is there."""
    plain = table.removesuffix(".gz")
    found = (folder / name for name in (table, plain, f"{plain}.gz"))
    return next((path for path in found if path.is_file()), None)


def read_rows(
    folder: Path, table: str, columns: tuple[str, ...], *, optional: tuple[str, ...] = ()
) -> Iterator[Row]:
    """The rows of a table one by one, with these columns only; it is never held as a whole.

    Args:
        folder: Where the table is.
        table: Its name; a name that ends in .gz also finds the unpacked table, and the reverse.
        columns: Columns it must have.
        optional: Columns it may have; "" where it has not.

    Raises:
        UnreadableFileError: The table is missing, damaged or holds no row.
        InvalidInputError: A column is missing, or a line has more or fewer cells than the header.
    """
    path = find_table(folder, table)
    if path is None:
        raise UnreadableFileError(
            f"`data` must hold {folder.name}/{table}, but it is not there. Is the copy complete?"
        )
    try:
        with _opened(path) as stream:
            yield from _rows(stream, path.name, columns, optional)
    except (UnicodeDecodeError, csv.Error, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableFileError(
            f"`data` must hold readable tables, but {path.name} is damaged ({error}). Copy it anew."
        ) from error


def _opened(path: Path) -> TextIO:
    # "utf-8-sig": a spreadsheet may have put a byte order mark before the first column's name
    if path.suffix == ".gz":
        return gzip.open(path, "rt", newline="", encoding="utf-8-sig")
    return path.open(newline="", encoding="utf-8-sig")


def _rows(
    stream: TextIO, name: str, columns: tuple[str, ...], optional: tuple[str, ...]
) -> Iterator[Row]:
    lines = csv.reader(stream)
    header = [column.strip() for column in next(lines, [])]
    missing = sorted(set(columns) - set(header))
    if missing:
        raise InvalidInputError(
            f"`{name}` must have the columns {missing}; it has {header[:30]}. "
            "Is it the right data set?"
        )
    places = [
        (column, header.index(column)) for column in (*columns, *optional) if column in header
    ]
    blank = dict.fromkeys(set(optional) - set(header), "")
    count = 0
    for cells in lines:
        if not cells:
            continue  # a blank line, as some editors leave at the end
        if len(cells) != len(header):
            raise InvalidInputError(
                f"`{name}` must have {len(header)} cells in each line, but line {lines.line_num} "
                f"has {len(cells)}. Is the copy complete?"
            )
        count += 1
        yield Row(name, lines.line_num, blank | {c: cells[i].strip() for c, i in places})
    if not count:
        raise UnreadableFileError(f"`{name}` must have a row below its header, but it has none.")
