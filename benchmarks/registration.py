"""Which registration lays a later film of a patient best onto the first one.

Pairs of `train` patients of `cxr_time` with films on three or more days. The boxes drawn around the
lungs, which no registration sees, tell how well they lie: overlap (IoU) of the boxes' union. The
set was cut out by these very boxes; with --moved the later film is turned, scaled and shifted.

    python benchmarks/registration.py --data DIR --out registration.json [--moved] [--pairs 24]
"""

import argparse
import csv
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from films import write_figures
from PIL import Image
from scipy.ndimage import affine_transform

from sequela.imaging.registration import register

SIDE = 512
LARGEST_TURN_DEG, SCALES, LARGEST_SHIFT_PX = 6.0, (0.85, 1.18), 40.0
Row = dict[str, str]


def pairs(data: Path, count: int, rng: np.random.Generator) -> list[tuple[Row, Row]]:
    """First and later films of patients, drawn by chance."""
    found: dict[str, list[Row]] = defaultdict(list)
    with (data / "cxr_time" / "labels.csv").open(encoding="utf-8", errors="replace") as file:
        for row in csv.DictReader(file):
            if row["days"] and row["split"] == "train":
                found[row["patient_id"]].append(row)
    kept = []
    for _, rows in sorted(found.items()):
        rows.sort(key=lambda row: float(row["days"]))
        if len({r["days"] for r in rows}) >= 3 and all(r["right_lung_box"] for r in rows):
            kept += [(rows[0], row) for row in rows[1:]]
    return [kept[i] for i in sorted(rng.permutation(len(kept))[:count])]


def boxes(row: Row) -> np.ndarray:
    """1 inside either lung's box."""
    mask = np.zeros((SIDE, SIDE), np.float32)
    for name in ("right_lung_box", "left_lung_box"):
        left, top, width, height = map(int, row[name].split())
        mask[max(top, 0) : top + height, max(left, 0) : left + width] = 1
    return mask


def moved_by_chance(
    film: np.ndarray, mask: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Film and boxes, turned, scaled and shifted alike."""
    turn = np.radians(rng.uniform(-LARGEST_TURN_DEG, LARGEST_TURN_DEG))
    scale = rng.uniform(*SCALES)
    shift = rng.uniform(-LARGEST_SHIFT_PX, LARGEST_SHIFT_PX, 2)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = np.array([(SIDE - 1) / 2] * 2)
    offset = middle + shift - matrix @ middle
    there = affine_transform(film, matrix, offset, order=1, cval=-1.0).astype(np.float32)
    return there, affine_transform(mask, matrix, offset, order=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--moved", action="store_true")
    parser.add_argument("--kinds", nargs="+", default=["none", "rigid", "similarity", "affine"])
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for first, later in pairs(options.data, options.pairs, rng):
        here, there = (
            np.asarray(Image.open(options.data / "cxr_time" / row["file"]).convert("L"), np.float32)
            / 127.5
            - 1
            for row in (first, later)
        )
        lungs, mask = boxes(first) > 0.5, boxes(later)
        if options.moved:
            there, mask = moved_by_chance(there, mask, rng)
        for kind in options.kinds:
            begun = time.perf_counter()
            laid = register(here, there, kind=kind)
            seconds = time.perf_counter() - begun
            brought = laid.applied(mask[None])[0] > 0.5
            overlap = (brought & lungs).sum() / (brought | lungs).sum()
            found[kind].append((float(overlap), laid.agreement, seconds))
    figures = {
        kind: {
            "iou": round(float(np.mean([v[0] for v in values])), 3),
            "iou_tenth": round(float(np.quantile([v[0] for v in values], 0.1)), 3),
            "agreement": round(float(np.mean([v[1] for v in values])), 3),
            "seconds": round(float(np.mean([v[2] for v in values])), 2),
        }
        for kind, values in found.items()
    }
    write_figures({"pairs": options.pairs, "moved": options.moved, **figures}, options.out)


if __name__ == "__main__":
    main()
