"""Many patients, and a cache of their scans on disk: one compressed file a patient."""

import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from sequela.cohorts.synthetic.lungs.design import LungDesign
from sequela.cohorts.synthetic.lungs.patient import MINI_LUNG_GRID, LungPatient, draw_patient
from sequela.core.errors import UnreadableFileError
from sequela.imaging.grid import Grid

FORMAT = 1
_STAMP = (1980, 1, 1, 0, 0, 0)  # the same bytes every time: no date of writing in the file


@dataclass(frozen=True, kw_only=True, eq=False)
class LungCase:
    """A packed patient.

    Attributes:
        seed: Draws the same patient again, with the design in `facts`.
        years: Of the scans.
        volumes: Scans in HU, int16.
        lungs: Lung mask, the same for all.
        facts: Law, rate, arm, extents at the scans, covariates, survival, design.
    """

    seed: int
    years: Float[np.ndarray, " time"]
    volumes: Int[np.ndarray, "time depth height width"]
    lungs: Bool[np.ndarray, "depth height width"]
    facts: dict[str, Any]


def draw_cohort(
    seeds: Sequence[int], *, design: LungDesign | None = None, grid: Grid = MINI_LUNG_GRID
) -> Iterator[LungPatient]:
    """One patient for each seed; disjoint seeds are disjoint patients."""
    for seed in seeds:
        yield draw_patient(seed, design=design, grid=grid)


def pack_cohort(
    folder: Path,
    *,
    seeds: Sequence[int],
    design: LungDesign | None = None,
    grid: Grid = MINI_LUNG_GRID,
) -> Path:
    """Write the scans of a cohort, leaving those already there, and return the folder.

    Args:
        folder: Made if missing; git should ignore it: about 1.5 MB a patient.
        seeds: One patient each.
        design: What is planted; a folder holds one design only.
        grid: Of the volumes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for patient in draw_cohort(seeds, design=design, grid=grid):
        path = folder / f"lungs-{patient.seed:06d}.npz"
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_bytes(_packed(patient))
            part.replace(path)
    return folder


def open_cohort(folder: Path) -> Iterator[LungCase]:
    """The packed patients of a folder, by seed.

    Raises:
        UnreadableFileError: There is none, or one was packed by another version.
    """
    paths = sorted(folder.glob("lungs-*.npz"))
    if not paths:
        raise UnreadableFileError(
            f"`folder` must hold a packed cohort, got none in {folder}. "
            "Write it with `pack_cohort`."
        )
    for path in paths:
        yield _unpacked(path)


def facts_of(patient: LungPatient) -> dict[str, Any]:
    """What is true of a patient, as JSON takes it."""
    return {
        "format": FORMAT,
        "seed": patient.seed,
        "law": patient.law,
        "rate": patient.rate,
        "arm": patient.arm,
        "extents": [patient.extent(years) for years in patient.visit_years],
        "covariates": asdict(patient.covariates),
        "survival": patient.survival._asdict(),
        "spacing_mm": list(patient.grid.spacing_mm),
        "design": asdict(patient.design),
    }


def _packed(patient: LungPatient) -> bytes:
    scans = patient.scans
    arrays = {
        "years": np.array([years for years, _ in scans]),
        "volumes": np.stack([volume for _, volume in scans]).astype(np.int16),
        "lungs": np.packbits(patient.lung_mask()),
        "facts": np.frombuffer(json.dumps(facts_of(patient)).encode(), np.uint8),
    }
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for name, array in arrays.items():
            held = BytesIO()
            np.save(held, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _STAMP), held.getvalue(), 8, 3)
    return target.getvalue()


def _unpacked(path: Path) -> LungCase:
    with np.load(path, allow_pickle=False) as held:
        facts = json.loads(held["facts"].tobytes())
        if facts.get("format") != FORMAT:
            raise UnreadableFileError(
                f"`folder` must hold cohorts of format {FORMAT}, got {facts.get('format')!r} in "
                f"{path}. Delete the folder and pack it again."
            )
        volumes = held["volumes"]
        size = int(np.prod(volumes.shape[1:]))
        lungs = np.unpackbits(held["lungs"], count=size).reshape(volumes.shape[1:]).astype(bool)
        years = held["years"]
    return LungCase(seed=facts["seed"], years=years, volumes=volumes, lungs=lungs, facts=facts)
