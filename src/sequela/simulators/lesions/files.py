"""Files of one visit, told apart by their names: which is the FLAIR, which the lesion mask."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sequela.core import InvalidInputError, Scan, Source, UnreadableFileError, Window, hash_bytes
from sequela.io import AcquiredVolume, read_volume
from sequela.io.files import read_bytes
from sequela.io.kinds import HEAD_BYTES, kind_of
from sequela.io.nifti import decode_nifti, spacing_of
from sequela.simulators.lesions.prepare import SEQUENCES, VisitImages

LESIONS, BRAIN = "lesions", "brain"
ROLES = (*SEQUENCES, LESIONS, BRAIN)
_START = r"(?:^|[^a-z]|ax|sag|cor|tra|3d)"  # the 1 of visit1 or patient1 makes no T1
# the first that fits a name wins: T1 after gadolinium before T1, brain masks before lesion masks
_NAMES = (
    (BRAIN, r"brain"),
    (LESIONS, r"lesion|(^|[^a-z])(les|wml|wmh)([^a-z]|$)"),
    (None, r"mask|label|seg|change"),  # a mask of who knows what
    ("FLAIR", r"flair"),
    ("T1-Gd", _START + r"t1w?.*(gd|gad|[-_+]c(e|$|[-_])|ce$|post|contrast)|(gd|gad|post).*t1"),
    ("T1", _START + r"t1|mprage"),
    ("T2", _START + r"t2"),
    ("PD", r"(^|[^a-z])(pd|pdw)([^a-z]|$)"),
)
_SUBJECT = re.compile(r"(?:^|[^a-z])(sub-[a-z0-9]+)", flags=re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class VisitFiles:
    """Paths of one visit.

    Attributes:
        paths: By role, out of `ROLES`: a NIfTI file, or a folder with a DICOM series.
        notices: What was left out.
    """

    paths: Mapping[str, Path]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadVisit:
    """Scans of one visit.

    Attributes:
        images: Sequences and masks.
        notices: What was left out or corrected on reading.
    """

    images: VisitImages
    notices: tuple[str, ...] = field(default=())


def find_visit(
    inputs: Sequence[Path], named: Mapping[str, Path | None] | None = None
) -> VisitFiles:
    """Which file is what.

    Args:
        inputs: A folder of one visit, or its files and series folders.
        named: Files whose role the user told; they go before what names tell.

    Raises:
        UnreadableFileError: A path does not exist, or a folder holds nothing that can be told.
        InvalidInputError: Two files of one role, no sequence, or files of two subjects.
    """
    told = {role: path for role, path in (named or {}).items() if path is not None}
    found: dict[str, Path] = {}
    left: list[str] = []
    for path in _listed(inputs, told):
        role = role_of(path.name)
        if role is None:
            left.append(path.name)
        elif role not in told:
            if role in found:
                raise InvalidInputError(
                    f"`inputs` must hold one {role} of one visit, got {found[role].name} and "
                    f"{path.name}. Give one visit's files, or name the right one with "
                    f"--{role.lower()}."
                )
            found[role] = path
    paths = found | told
    if not any(role in SEQUENCES for role in paths):
        raise InvalidInputError(
            f"`inputs` must hold at least one of {', '.join(SEQUENCES)}, told by the file's name; "
            f"got {', '.join(left[:6]) or 'no image'}. Name it, for example with --flair FILE."
        )
    _check_subjects(paths)
    words = f"Left out, as the name tells no sequence and no lesion mask: {', '.join(left)}."
    return VisitFiles(paths=paths, notices=(words,) if left else ())


def read_visit(files: VisitFiles) -> ReadVisit:
    """The scans and masks.

    Raises:
        UnreadableFileError: A file is damaged, holds several volumes, or a series has a gap.
        InvalidInputError: A file holds NaN, or DICOM headers name different patients.
    """
    volumes = {r: read_volume(p) for r, p in files.paths.items() if r in SEQUENCES}
    _check_patients(volumes)
    notices = [words for volume in volumes.values() for words in volume.notices]
    images = VisitImages(
        sequences={role: _as_mr(volume.scan) for role, volume in volumes.items()},
        lesions=_mask(files.paths.get(LESIONS)),
        brain=_mask(files.paths.get(BRAIN)),
    )
    return ReadVisit(images=images, notices=(*files.notices, *notices))


def role_of(name: str) -> str | None:
    """What a file is, by its name; None where the name does not tell."""
    plain = name.lower().split(".nii")[0]
    for role, pattern in _NAMES:
        if re.search(pattern, plain):
            return role
    return None


def _listed(inputs: Sequence[Path], told: Mapping[str, Path]) -> list[Path]:
    """Files and series folders, those of a visit's folder one by one."""
    known = {path.resolve() for path in told.values()}
    paths: list[Path] = []
    for path in inputs:
        if not path.exists():
            raise UnreadableFileError(
                f"`inputs` must be there, but {path.name} does not exist. Check the spelling."
            )
        inside = _entries(path) if path.is_dir() and role_of(path.name) is None else [path]
        paths += [p for p in inside if p.resolve() not in known]
    return paths


def _entries(folder: Path) -> list[Path]:
    entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    kept = [p for p in entries if p.is_dir() or _is_nifti(p)]
    if not kept:
        raise UnreadableFileError(
            f"`inputs` must be a visit's folder with NIfTI files or folders of DICOM slices, but "
            f"{folder.name} holds neither ({len(entries)} entries)."
        )
    return kept


def _is_nifti(path: Path) -> bool:
    with path.open("rb") as file:
        return kind_of(file.read(HEAD_BYTES)) == "nifti"


def _check_subjects(paths: Mapping[str, Path]) -> None:
    """File names in the manner of BIDS tell whose they are."""
    named = {p.name: m[1].lower() for p in paths.values() if (m := _SUBJECT.search(p.name))}
    if len(set(named.values())) > 1:
        raise InvalidInputError(
            f"`inputs` must be of one subject, but their names tell several: {', '.join(named)}. "
            "Give one subject's files, or rename them if they are one's."
        )


def _check_patients(volumes: Mapping[str, AcquiredVolume]) -> None:
    patients = {role: v.patient for role, v in volumes.items() if v.patient is not None}
    if len(set(patients.values())) > 1:
        raise InvalidInputError(
            f"`inputs` must be of one patient, but the DICOM headers of {', '.join(patients)} "
            "name different ones. Give one patient's series."
        )


def _as_mr(scan: Scan) -> Scan:
    return replace(scan, modality="mr")


def _mask(path: Path | None) -> Scan | None:
    """A mask; unlike an image it may be of one single value."""
    if path is None:
        return None
    if path.is_dir() or not _is_nifti(path):
        raise UnreadableFileError(
            f"`path` must be a NIfTI mask, but {path.name} is none. Convert it, for example with "
            "dcm2niix."
        )
    data = read_bytes(path)
    array, affine = decode_nifti(data, path.name)
    return Scan(
        array=array,
        modality="mr",
        window=Window(low=0, high=1, origin="data"),
        source=Source(name=path.name, sha256=hash_bytes(data)),
        spacing_mm=spacing_of(affine),
        affine=affine,
    )
