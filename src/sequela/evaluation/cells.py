"""Cells: what one entrant made of one image, kept on disk under the hash of all that went into it.

A cell is written whole or not at all, and read back only if it is what was written: a run that was
killed goes on where it was, and a damaged cell is made again.
"""

import hashlib
import json
import secrets
import zipfile
import zlib
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from sequela._version import __version__

SIDE = 224  # pixels of the longer side at which states are kept for the judges
_MARK = b"sequela-cell-1\n"


@dataclass(frozen=True, kw_only=True)
class CellKey:
    """All that decides what is in a cell.

    Attributes:
        domain: Name of the task.
        model: Name and hash of the backbone's weights.
        image: SHA-256 of the file.
        seed: Of the noise.
        target: The finding asked for.
        entrant: Method, preset, settings and region.
        company: Hash of the training images that the method uses, "" where it uses none.
    """

    domain: str
    model: str
    image: str
    seed: int
    target: str
    entrant: dict[str, Any]
    company: str = ""

    @property
    def digest(self) -> str:
        """Name of the cell's file."""
        text = json.dumps({**asdict(self), "version": __version__}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell:
    """What was made.

    Attributes:
        states: As they are shown, the longer side at most `SIDE`, the scan first.
        region: The effective region on the same grid.
        figures: Figures that need the full size, one value for each state.
    """

    states: UInt8[np.ndarray, "state height width *channel"]
    region: Float[np.ndarray, "height width"]
    figures: dict[str, list[float]]


def write_cell(folder: Path, key: CellKey, cell: Cell) -> None:
    """Write one cell under its key."""
    buffer = BytesIO()
    figures = np.frombuffer(json.dumps(cell.figures).encode(), np.uint8)
    np.savez_compressed(buffer, states=cell.states, region=cell.region, figures=figures)
    body = buffer.getvalue()
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{key.digest}.{secrets.token_hex(4)}"
    partial.write_bytes(_MARK + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    partial.replace(folder / f"{key.digest}.cell")


def read_cell(folder: Path, key: CellKey) -> Cell | None:
    """The cell of that key; None where there is none, or none that is whole."""
    path = folder / f"{key.digest}.cell"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, _, body = content.removeprefix(_MARK).partition(b"\n")
    if not content.startswith(_MARK) or hashlib.sha256(body).hexdigest().encode() != digest:
        return None
    try:
        with np.load(BytesIO(body), allow_pickle=False) as kept:
            figures = json.loads(bytes(kept["figures"]).decode())
            return Cell(states=kept["states"], region=kept["region"], figures=figures)
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError):
        return None


def clear_partials(folder: Path) -> None:
    """Remove what killed runs left half written."""
    for leftover in folder.glob(".*"):
        leftover.unlink(missing_ok=True)
