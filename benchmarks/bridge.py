"""A bridge between two real visits against the film that was taken between them.

Patients of `cxr_time` with films on three or more days: the first and the last film are bridged,
and the state of each day between is compared with the film of that day, registered onto the first
and matched to its exposure like the last one. Beside it: a cross-fade, the visit that is nearer in
time, and the first film. Errors are taken in the lungs (their hand-drawn boxes) and over all that
the films show. Intervals: patients drawn with replacement.

    python benchmarks/bridge.py --data DIR --out bridge.json [--splits val test] [--sheet DIR]

The choices of the bridge were made on `train`; `val` and `test` together hold ten such patients.
"""

import argparse
import csv
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from films import interval, write_figures
from PIL import Image
from skimage.metrics import structural_similarity

import sequela
from sequela.backbones import load_backbone
from sequela.checkpoints import find_model
from sequela.core import Scan
from sequela.simulators.transition import Bridge
from sequela.simulators.transition.visits import Visits, bring_together

ENGINES = ("flow", "latent", "crossfade")
BASELINES = ("nearest visit", "first visit")


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One dated film, and its lungs' boxes."""

    patient: str
    day: float
    path: Path
    label: str
    boxes: tuple[tuple[int, int, int, int], ...]


def visits_of(data: Path, splits: list[str], *, days: int = 3) -> list[list[Visit]]:
    """Patients with films on so many days or more, one film a day, in order."""
    found: dict[str, dict[float, Visit]] = defaultdict(dict)
    with (data / "cxr_time" / "labels.csv").open(encoding="utf-8", errors="replace") as file:
        for row in csv.DictReader(file):
            if row["split"] not in splits or not row["days"]:
                continue
            boxes = [row[name].split() for name in ("right_lung_box", "left_lung_box") if row[name]]
            visit = Visit(
                patient=row["patient_id"],
                day=float(row["days"]),
                path=data / "cxr_time" / row["file"],
                label=row["label"],
                boxes=tuple(tuple(int(v) for v in box) for box in boxes),  # type: ignore[misc]
            )
            found[visit.patient].setdefault(visit.day, visit)
    dated = [[films[day] for day in sorted(films)] for _, films in sorted(found.items())]
    return [films for films in dated if len(films) >= days and films[0].boxes]


def lungs(visit: Visit, space: tuple[int, int]) -> np.ndarray:
    """Inside either box."""
    mask = np.zeros(space, bool)
    for left, top, width, height in visit.boxes:
        mask[max(top, 0) : top + height, max(left, 0) : left + width] = True
    return mask


def shown(visits: Visits, scan: Scan) -> np.ndarray:
    """Which pixels of the first grid the film covers, told by a white film laid the same way."""
    white = Scan(
        array=np.full(scan.array.shape, 255, np.uint8),
        modality=scan.modality,
        window=scan.window,
        source=scan.source,
    )
    matrix = np.array(visits.made["matrix"])
    grid = np.mgrid[0 : scan.plane[0], 0 : scan.plane[1]].reshape(2, -1)
    down, across = (matrix[:, :2] @ grid + matrix[:, 2:]).reshape(2, *scan.plane)
    height, width = white.plane
    return (down >= 0) & (down <= height - 1) & (across >= 0) & (across <= width - 1)


def errors(guess: np.ndarray, truth: np.ndarray, masks: dict[str, np.ndarray]) -> dict[str, float]:
    """MAE in % of the window, and SSIM, over each mask."""
    _, ssim = structural_similarity(
        guess, truth, data_range=255, gaussian_weights=True, sigma=1.5, full=True
    )
    gap = np.abs(guess.astype(float) - truth.astype(float)) / 2.55
    found = {}
    for name, mask in masks.items():
        found[f"mae {name}"] = float(gap[mask].mean())
        found[f"ssim {name}"] = float(ssim[mask].mean())
    return found


def one_patient(films: list[Visit], backbone: Any, sheet: Path | None) -> list[dict[str, Any]]:
    """The errors of every way for every film between the first and the last."""
    scans = [sequela.read(visit.path) for visit in films]
    first, last, start = scans[0], scans[-1], films[0].day
    span = films[-1].day - start
    inner = films[1:-1]
    made = {}
    seconds = {}
    for engine in ENGINES:
        begun = time.perf_counter()
        settings = Bridge(
            transition=engine, backbone=backbone if engine == "latent" else None, frames=None
        )
        made[engine] = settings.between(
            first, last, days=span, at_days=[visit.day - start for visit in inner]
        )
        seconds[engine] = time.perf_counter() - begun
    whole = bring_together(first, last)
    rows, pictures = [], []
    for number, (visit, scan) in enumerate(zip(inner, scans[1:-1], strict=True), 1):
        between = bring_together(first, scan)
        truth = between.last
        seen = shown(between, scan) & shown(whole, last) & (first.array > 3)
        masks = {"lungs": lungs(films[0], first.plane) & seen, "whole": seen}
        share = (visit.day - start) / span
        guesses = {engine: made[engine].states[number].image for engine in ENGINES}
        guesses["nearest visit"] = first.array if share <= 0.5 else whole.last
        guesses["first visit"] = first.array
        rows.append(
            {
                "patient": visit.patient,
                "day": visit.day - start,
                "share": share,
                "agreement": between.made["agreement"],
                "notices": list(between.notices),
                "seconds": seconds,
                "errors": {way: errors(guess, truth, masks) for way, guess in guesses.items()},
            }
        )
        pictures.append(np.hstack([first.array, truth, *(guesses[e] for e in ENGINES), whole.last]))
    if sheet is not None:
        sheet.mkdir(parents=True, exist_ok=True)
        strip = np.vstack(pictures)
        small = Image.fromarray(strip).resize((strip.shape[1] // 2, strip.shape[0] // 2))
        small.save(sheet / f"{films[0].patient}.png")
    return rows


def middle(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each patient the film nearest to half the way."""
    best: dict[str, dict[str, Any]] = {}
    for row in rows:
        held = best.get(row["patient"])
        if held is None or abs(row["share"] - 0.5) < abs(held["share"] - 0.5):
            best[row["patient"]] = row
    return list(best.values())


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means with intervals for every way, and flow's paired differences from the others."""
    people = [row["patient"] for row in rows]
    ways = (*ENGINES, *BASELINES)
    names = rows[0]["errors"]["flow"].keys()

    def column(way: str, name: str) -> np.ndarray:
        return np.array([row["errors"][way][name] for row in rows])

    means = {
        way: {name: [round(v, 4) for v in interval(column(way, name), people)] for name in names}
        for way in ways
    }
    gaps = {
        way: {
            name: [round(v, 4) for v in interval(column("flow", name) - column(way, name), people)]
            for name in names
        }
        for way in ways[1:]
    }
    return {"films": len(rows), "patients": len(set(people)), "means": means, "flow minus": gaps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--splits", nargs="+", default=["val", "test"])
    parser.add_argument("--patients", type=int)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    backbone = load_backbone(find_model("chest-mini"), device="cpu")
    rows = []
    for films in visits_of(options.data, options.splits)[: options.patients]:
        rows += one_patient(films, backbone, options.sheet)
        print(films[0].patient, len(films), flush=True)
    figures = {
        "splits": options.splits,
        "middle film of each patient": table(middle(rows)),
        "every film between": table(rows),
        "rows": rows,
    }
    write_figures(figures, options.out)


if __name__ == "__main__":
    main()
