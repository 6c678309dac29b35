"""Which registration lays a follow-up onto the baseline: landmark error, disease kept, time.

    SEQUELA_DATA=../shared/data python benchmarks/lungs_registration.py --out work/registration

Two tests with a known answer. The elastix pair (baseline and follow-up of one real patient, already
on each other): the follow-up is bent by a known breath and must be found back; the error is
measured at landmarks, bright spots of vessels in the baseline. Three drawn patients at 8 x 3.5 x
3.5 mm: the same with the truth of 1.5 years later, so that a registration that undoes growth shows.
"""

import argparse
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from sequela.cohorts.synthetic.lungs import draw_patient
from sequela.cohorts.synthetic.lungs.scanner import scanned
from sequela.imaging.grid import Grid
from sequela.imaging.lung_field import find_lungs
from sequela.imaging.lung_registration import KINDS, align_lungs
from sequela.io import read_volume

PATIENTS = ((4_000_178, 3.0), (4_000_005, 8.0), (4_000_033, 8.0))  # seed, breath at the base in mm
YEARS, APART_MM = 1.5, 12.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A baseline, and a follow-up bent by a displacement that is known on its grid."""

    name: str
    baseline: np.ndarray
    grid: Grid
    follow_up: np.ndarray
    source: Grid
    bent_mm: np.ndarray  # [3, d, h, w] along d, h, w, on `source`
    wanted: np.ndarray | None  # what the follow-up shows, unbent and without noise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kinds", default=",".join(KINDS))
    options = parser.parse_args()
    rows = []
    for case in cases():
        for kind in options.kinds.split(","):
            rows.append({"case": case.name, "kind": kind, **measured(case, kind)})
            print(json.dumps(rows[-1]), flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "registration.json").write_text(json.dumps(rows, indent=1))


def cases() -> list[Case]:
    rng = np.random.default_rng(0)
    found = [drawn(rng, seed, size) for seed, size in PATIENTS]
    if "SEQUELA_DATA" in os.environ:
        found += [elastix(rng, size) for size in (5.0, 10.0)]
    return found


def drawn(rng: np.random.Generator, seed: int, size_mm: float) -> Case:
    patient = draw_patient(seed)
    truth, bent = patient.truth(YEARS), breath(rng, patient.grid, size_mm)
    follow_up = scanned(
        rng, bend(truth, bent, patient.grid), patient.chest.lungs, patient.grid, patient.design
    )
    return Case(
        name=f"drawn {seed}, {size_mm:g} mm",
        baseline=patient.scan(0.0),
        grid=patient.grid,
        follow_up=follow_up,
        source=patient.grid,
        bent_mm=bent,
        wanted=truth,
    )


def elastix(rng: np.random.Generator, size_mm: float) -> Case:
    folder = Path(os.environ["SEQUELA_DATA"]) / "ct_volumes"
    names = ("elastix_baseline_small.nii.gz", "elastix_followup_on_baseline.nii.gz")
    first, last = (read_volume(folder / name).scan for name in names)
    grid, source = (Grid(shape=s.array.shape, affine=np.asarray(s.affine)) for s in (first, last))
    bent = breath(rng, source, size_mm)
    return Case(
        name=f"elastix pair, {size_mm:g} mm",
        baseline=first.array,
        grid=grid,
        follow_up=bend(last.array.astype(np.float32), bent, source),
        source=source,
        bent_mm=bent,
        wanted=None,
    )


def breath(rng: np.random.Generator, grid: Grid, size_mm: float) -> np.ndarray:
    """Most at the diaphragm, none at the top, uneven from side to side, and a little at random."""
    places = [np.linspace(0, 1, n) for n in grid.shape]
    fade = (1 - places[0])[:, None, None]
    wave = np.cos(np.pi * (places[2] - rng.uniform(0.2, 0.8)))[None, None]
    amounts = size_mm * rng.choice([-1, 1], 3) * np.array([1.0, 0.5, 0.5])
    smooth = fade * wave * np.ones(grid.shape)
    noise = rng.standard_normal((3, *grid.shape)).astype(np.float32)
    width = 25.0 / np.array(grid.spacing_mm)
    rough = np.stack([ndimage.gaussian_filter(part, width) for part in noise])
    return amounts[:, None, None, None] * smooth + 0.15 * size_mm * rough / rough.std()


def bend(volume: np.ndarray, bent_mm: np.ndarray, grid: Grid) -> np.ndarray:
    """`made(x) = volume(x + bent(x))`."""
    steps = np.array(grid.spacing_mm)[:, None, None, None]
    places = np.indices(grid.shape) + bent_mm / steps
    return ndimage.map_coordinates(volume, places, order=1, mode="nearest")


def measured(case: Case, kind: str) -> dict[str, float]:
    here, there = (
        find_lungs(v, g).mask
        for v, g in ((case.baseline, case.grid), (case.follow_up, case.source))
    )
    begin = time.process_time()
    laid = align_lungs(
        (case.baseline, here, case.grid), (case.follow_up, there, case.source), kind=kind
    )
    seconds = time.process_time() - begin
    points = landmarks(case.baseline, here, case.grid)
    errors = miss_mm(case, laid.places(points), points)
    figures = {
        "landmarks": len(points),
        "error_mm": round(float(errors.mean()), 2),
        "error_95_mm": round(float(np.percentile(errors, 95)), 2),
        "folded": round(laid.folded, 5),
        "dice_before": round(laid.overlap[0], 3),
        "dice": round(laid.overlap[1], 3),
        "seconds": round(seconds, 1),
    }
    if case.wanted is not None:
        made = laid.applied(case.follow_up, case.source, case.grid)
        figures["mse_to_truth"] = round(float(np.square(made - case.wanted)[here].mean()))
        extents = [float((v[here] > -600).mean()) for v in (made, case.wanted)]
        figures["extent_lost"] = round(extents[1] - extents[0], 4)
    return figures


def landmarks(volume: np.ndarray, lungs: np.ndarray, grid: Grid) -> np.ndarray:
    """LPS millimetres of bright spots in the lungs, some way apart and away from the pleura."""
    steps = np.array(grid.spacing_mm)
    smooth = ndimage.gaussian_filter(volume.astype(np.float32), 1.5 / steps)
    size = np.maximum(1, np.round(APART_MM / steps)).astype(int)
    deep = ndimage.distance_transform_edt(lungs, sampling=steps) > 6.0
    peaks = (smooth == ndimage.maximum_filter(smooth, size)) & deep & (smooth > -650)
    return np.argwhere(peaks) @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def miss_mm(case: Case, places: np.ndarray, points: np.ndarray) -> np.ndarray:
    """How far what lies at the places found truly is from the landmark."""
    indices = case.source.indices_of(places).T
    added = np.stack(
        [ndimage.map_coordinates(part, indices, order=1, mode="nearest") for part in case.bent_mm]
    )
    steps = np.array(case.source.spacing_mm)[:, None]
    truly = (indices + added / steps).T @ case.source.affine[:3, :3].T + case.source.affine[:3, 3]
    return np.linalg.norm(truly - points, axis=1)


if __name__ == "__main__":
    main()
