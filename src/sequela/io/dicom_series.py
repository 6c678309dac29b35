"""A folder of DICOM slices to one volume: series told apart, slices in order, tilt undone.

Slices are ordered by their positions in the patient, never by name or number. What is missing,
double or skewed is told or refused, for a volume with a gap still looks like a volume.

Source: DICOM PS3.3 C.7.6.2.1.1 (position and orientation in the patient).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Num

from sequela.core import hash_bytes
from sequela.io.dicom_header import safe_header
from sequela.io.dicom_read import FAULTS, decode_values
from sequela.io.dicom_tilt import upright
from sequela.io.files import read_bytes, unreadable
from sequela.io.kinds import HEAD_BYTES, kind_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

FEWEST_SLICES = 8  # fewer are a scout or a sample, not a volume
_UNEVEN = 0.1  # of the distance between slices
_SAME_MM = 0.01
_EXPORT = "Export the whole series again."


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice:
    """One file of a series."""

    path: Path
    header: "Dataset"

    @property
    def turn(self) -> Float[np.ndarray, "2 3"]:
        """Directions along a row and along a column."""
        return np.array(self.header.ImageOrientationPatient, np.float64).reshape(2, 3)

    @property
    def corner(self) -> Float[np.ndarray, " 3"]:
        """Middle of the first pixel, LPS millimetres."""
        return np.array(self.header.ImagePositionPatient, np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class SeriesVolume:
    """One volume of a folder.

    Attributes:
        array: [D, H, W], axes to superior, posterior, left.
        affine: (d, h, w, 1) to LPS millimetres.
        header: What is kept of the first slice.
        sha256: Of all slices' bytes in their order.
        first: The file of the first slice.
        patient: Identity as the header tells it; for comparison only, never written.
        notices: What was left out or corrected.
    """

    array: np.ndarray
    affine: Float[np.ndarray, "4 4"]
    header: "Dataset"
    sha256: str
    first: Path
    patient: str | None
    notices: tuple[str, ...]


def read_series(folder: Path, *, series: int | None = None) -> SeriesVolume:
    """The volume of the one series in a folder and the folders inside it.

    Scouts and series of fewer than eight slices are left out, with a notice.

    Args:
        folder: Holds DICOM slices.
        series: SeriesNumber, where the folder holds several.

    Raises:
        UnreadableFileError: No series or several; a slice is missing, double, damaged or lies
            elsewhere than its neighbours.
    """
    slices, notices = _chosen(_grouped(_slices(folder), folder.name), folder.name, series)
    slices = _in_order(slices, folder.name)
    bytes_of = [read_bytes(s.path) for s in slices]
    slices, bytes_of, doubles = _without_doubles(slices, bytes_of, folder.name)
    step = _step(slices, folder.name)
    array = _stacked(slices, bytes_of, folder.name)
    array, affine, tilted = upright(array, _affine(slices[0], step))
    first = slices[0].header
    told = [str(first.get(k, "")).strip() for k in ("PatientID", "PatientName")]
    return SeriesVolume(
        array=array,
        affine=affine,
        header=safe_header(first),
        sha256=hash_bytes("".join(hash_bytes(data) for data in bytes_of).encode()),
        first=slices[0].path,
        patient=next((words for words in told if words), None),
        notices=(*notices, *doubles, *tilted),
    )


def _files(folder: Path) -> list[Path]:
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name[:1] != "."):
        with path.open("rb") as file:
            if kind_of(file.read(HEAD_BYTES)) == "dicom":
                found.append(path)
    return found


def _slices(folder: Path) -> list[Slice]:
    import pydicom

    found = []
    for path in _files(folder):
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
        except FAULTS as error:
            raise unreadable(path.name, "is a damaged DICOM file", "Export it again.") from error
        if "Rows" in header:  # else a report or an index
            found.append(Slice(path=path, header=header))
    if not found:
        raise unreadable(folder.name, "is a folder without DICOM slices", "Name the series' own.")
    return found


def _grouped(slices: list[Slice], name: str) -> list[list[Slice]]:
    """Slices of one series, one orientation and one size each."""
    groups: dict[tuple[Any, ...], list[Slice]] = defaultdict(list)
    for one in slices:
        header = one.header
        turn = header.get("ImageOrientationPatient")
        key = None if turn is None else tuple(round(float(v), 2) for v in turn)
        sizes = int(header.Rows), int(header.Columns)
        groups[str(header.get("SeriesInstanceUID", "")), key, sizes].append(one)
    return [group for group in groups.values() if not _is_scout(group)] or _none(name)


def _is_scout(group: list[Slice]) -> bool:
    return "LOCALIZER" in [str(word) for word in group[0].header.get("ImageType") or ()]


def _none(name: str) -> list[list[Slice]]:
    raise unreadable(name, "holds nothing but scouts", "Name the folder of the volume.")


def _chosen(
    groups: list[list[Slice]], name: str, series: int | None
) -> tuple[list[Slice], list[str]]:
    """The one series that is a volume, and what was left out."""
    volumes = [g for g in groups if len(g) >= FEWEST_SLICES]
    if series is not None:
        volumes = [g for g in volumes if _number(g) == series]
    if len(volumes) == 1:
        others = sum(len(g) for g in groups) - len(volumes[0])
        words = f"{name}: {others} slices of other series were left out."
        return volumes[0], [words] if others else []
    told = "; ".join(_words(g) for g in sorted(groups, key=len, reverse=True)[:6])
    if not volumes:
        problem = f"holds no series of at least {FEWEST_SLICES} slices"
        problem += "" if series is None else f" with the number {series}"
        raise unreadable(name, f"{problem} ({told})", _EXPORT)
    problem = f"holds {len(volumes)} series ({told})"
    remedy = "Name one by its number with --series, or put each into a folder of its own."
    raise unreadable(name, problem, remedy)


def _number(group: list[Slice]) -> int | None:
    value = group[0].header.get("SeriesNumber")
    return None if value in (None, "") else int(value)


def _words(group: list[Slice]) -> str:
    header = group[0].header
    thick = header.get("SliceThickness")
    width = "" if thick in (None, "") else f" of {float(thick):g} mm"
    return f"number {_number(group)}: {len(group)} slices{width}"


def _in_order(slices: list[Slice], name: str) -> list[Slice]:
    """By position along the normal of the slices."""
    for one in slices:
        _check_place(one, name)
    normal = np.cross(*slices[0].turn)
    return sorted(slices, key=lambda s: float(s.corner @ normal))


def _check_place(one: Slice, name: str) -> None:
    header = one.header
    missing = [
        key
        for key, count in (
            ("ImageOrientationPatient", 6),
            ("ImagePositionPatient", 3),
            ("PixelSpacing", 2),
        )
        if header.get(key) is None or len(header.get(key)) != count
    ]
    if missing:
        problem = f"has a slice without {missing[0]} ({one.path.name})"
        raise unreadable(name, problem, "Its place in the patient is unknown. " + _EXPORT)
    gram = one.turn @ one.turn.T
    if not np.allclose(gram, np.eye(2), atol=5e-3):
        problem = f"has a broken orientation header ({one.path.name}: axes not at right angles)"
        raise unreadable(name, problem, _EXPORT)
    if min(float(v) for v in header.PixelSpacing) <= 0:
        raise unreadable(name, f"has a pixel spacing of 0 ({one.path.name})", _EXPORT)


def _without_doubles(
    slices: list[Slice], bytes_of: list[bytes], name: str
) -> tuple[list[Slice], list[bytes], list[str]]:
    """One slice of each position; equal copies are dropped, different ones are refused."""
    kept, data = [slices[0]], [bytes_of[0]]
    for one, held in zip(slices[1:], bytes_of[1:], strict=True):
        if np.abs(one.corner - kept[-1].corner).max() > _SAME_MM:
            kept.append(one)
            data.append(held)
            continue
        first, second = (
            decode_values(d, s.path.name) for d, s in ((data[-1], kept[-1]), (held, one))
        )
        if not np.array_equal(first, second):
            problem = f"holds two different slices at one place ({one.path.name} and another)"
            raise unreadable(name, problem, "Two acquisitions are mixed. Export one of them.")
    dropped = len(slices) - len(kept)
    words = f"{name}: {dropped} slices were there twice; one of each was kept."
    return kept, data, [words] if dropped else []


def _step(slices: Sequence[Slice], name: str) -> Float[np.ndarray, " 3"]:
    """From one slice to the next, LPS millimetres."""
    corners = np.stack([s.corner for s in slices])
    normal = np.cross(*slices[0].turn)
    gaps = np.diff(corners @ normal)
    usual = float(np.median(gaps))
    wide = int(np.argmax(gaps))
    if gaps[wide] > 1.5 * usual:
        count = round(gaps[wide] / usual) - 1
        problem = (
            f"lacks {count} slice{'' if count == 1 else 's'} between {slices[wide].path.name} and "
            f"{slices[wide + 1].path.name} ({gaps[wide]:.1f} mm apart, others {usual:.1f} mm)"
        )
        raise unreadable(name, problem, _EXPORT)
    if np.abs(gaps - usual).max() > _UNEVEN * usual:
        problem = f"has slices {gaps.min():.2f} to {gaps.max():.2f} mm apart"
        raise unreadable(name, problem, "Resample it to even slices first.")
    step = (corners[-1] - corners[0]) / (len(corners) - 1)
    off = corners - corners[0] - np.arange(len(corners))[:, None] * step
    if np.abs(off).max() > max(1.0, _UNEVEN * usual):
        problem = f"has slices that lie up to {np.abs(off).max():.1f} mm off one line"
        raise unreadable(name, problem, "Two acquisitions may be mixed. " + _EXPORT)
    return np.asarray(step)


def _affine(first: Slice, step: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "4 4"]:
    down, across = (float(v) for v in first.header.PixelSpacing)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = step, first.turn[1] * down
    affine[:3, 2], affine[:3, 3] = first.turn[0] * across, first.corner
    return affine


def _stacked(
    slices: list[Slice], bytes_of: list[bytes], name: str
) -> Num[np.ndarray, "depth height width"]:
    planes = [decode_values(d, s.path.name) for d, s in zip(bytes_of, slices, strict=True)]
    if any(plane.ndim != 2 for plane in planes):
        raise unreadable(name, "holds colour or several frames in a file", _EXPORT)
    values = np.stack(planes)
    if values.dtype.kind in "iu":
        low, high = int(values.min()), int(values.max())
        if low >= -(2**15) and high < 2**15:
            return values.astype(np.int16)
    return values.astype(np.float32)
