"""How well are lungs, retinas, optic discs and lesions found, and domains told apart?

    python benchmarks/regions.py --data FOLDER --out work/regions

Lungs: boxes around what is found against hand-drawn ones; the films were cut around those, so each
is first padded and shifted at random; the rival is the best constant box of the `train` films.
Lesions, retinas, discs: nobody drew them here, so known ones are drawn on real backgrounds.
Domains: how often an image of one is taken for another. Sheets of 30 `test` images of each set show
what is found. All intervals are 95 %, by bootstrap over patients.
"""

import argparse
import csv
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from films import interval, write_figures
from PIL import Image
from regions_truth import bare_skin, drawn_disc, drawn_lesion, framed_retina, photograph
from scipy import ndimage

import sequela
from sequela.conditioning.domain import check_domain
from sequela.conditioning.regions import auto_region, find_fundus
from sequela.conditioning.regions.colour import fitting, shown
from sequela.conditioning.regions.lesion import find_lesion
from sequela.conditioning.regions.retina import lit_disc
from sequela.core import Scan, Source, Window
from sequela.imaging import resize
from sequela.render import contact_sheet

SETS = {
    "cxr_nih": "chest",
    "cxr_time": "chest",
    "fundus": "fundus",
    "skin_ham": "skin",
    "skin_isic_cc0": "skin",
}
BOXES = ("right_lung_box", "left_lung_box")
Row = dict[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--only", nargs="*", help="lungs skin fundus domains speed sheets")
    options = parser.parse_args()
    parts = {
        "lungs": lungs,
        "skin": skin,
        "fundus": fundus,
        "domains": domains,
        "speed": speed,
        "sheets": lambda data, split: sheets(data, split, options.out),
    }
    chosen = options.only or list(parts)
    figures = {name: parts[name](options.data, options.split) for name in chosen}
    write_figures(figures, options.out / f"regions_{'_'.join(chosen)}_{options.split}.json")


def rows_of(folder: Path, split: str) -> list[Row]:
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if row["split"] == split]


def patient(row: Row) -> str:
    return row.get("group") or row["patient_id"]


def some(rows: list[Row], count: int, seed: int = 0) -> list[Row]:
    order = np.random.default_rng(seed).permutation(len(rows))
    return [rows[i] for i in order[:count]]


def rounded(values: tuple[float, ...]) -> list[float]:
    return [round(value, 3) for value in values]


def lungs(data: Path, split: str) -> dict[str, Any]:
    folder = data / "cxr_time"
    tuning = [row for row in rows_of(folder, "train") if row[BOXES[0]]]
    constant = np.median([shifted(folder, row, i)[1] for i, row in enumerate(tuning)], axis=0)
    rows = [row for row in rows_of(folder, split) if row[BOXES[0]]]
    films = [shifted(folder, row, 10_000 + i) for i, row in enumerate(rows)]
    drawn = np.array([boxes for _, boxes in films])
    regions = [auto_region(scan) for scan, _ in films]
    ours = overlap(np.array([lung_boxes(r.region.array) for r in regions]), drawn).mean(1)
    theirs = overlap(constant[None], drawn).mean(1)
    patients = [patient(row) for row in rows]
    return {
        "films": len(rows),
        "patients": len(set(patients)),
        "fallbacks": sum(region.notice is not None for region in regions),
        "IoU per lung": rounded(interval(ours, patients)),
        "IoU of the constant box": rounded(interval(theirs, patients)),
        "gain": rounded(interval(ours - theirs, patients)),
    }


def shifted(folder: Path, row: Row, seed: int) -> tuple[Scan, np.ndarray]:
    """A padded film and its two boxes as shares of it: left, top, right, bottom."""
    draw = np.random.default_rng(seed)
    top, bottom, left, right = draw.integers(10, 150, 4)
    mode = "constant" if draw.random() < 0.5 else "edge"
    with Image.open(folder / row["file"]) as image:
        array = np.pad(np.asarray(image.convert("L")), ((top, bottom), (left, right)), mode=mode)
    scan = Scan(
        array=array,
        modality="xray",
        window=Window(low=0, high=255, origin="dtype"),
        source=Source(name=row["file"], sha256=""),
    )
    boxes = []
    for side in BOXES:
        x, y, width, height = map(float, row[side].split())
        boxes.append([x + left, y + top, x + left + width, y + top + height])
    return scan, np.array(boxes) / np.tile(scan.plane[::-1], 2)


def lung_boxes(soft_mask: np.ndarray) -> np.ndarray:
    """The boxes around the two largest parts, the right lung (on the left) first."""
    labels, _ = ndimage.label(soft_mask > 0.5)
    sizes = np.bincount(labels.ravel())[1:]
    found = ndimage.find_objects(labels)
    boxes = []
    for index in np.argsort(-sizes)[:2]:
        rows, columns = found[index]
        boxes.append([columns.start, rows.start, columns.stop, rows.stop])
    boxes += [[0, 0, 1, 1]] * (2 - len(boxes))
    return np.array(sorted(boxes)) / np.tile(soft_mask.shape[::-1], 2)


def overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes."""
    low, high = (
        np.maximum(boxes[..., :2], others[..., :2]),
        np.minimum(boxes[..., 2:], others[..., 2:]),
    )
    both = (high - low).clip(0).prod(-1)
    areas = [(b[..., 2:] - b[..., :2]).prod(-1) for b in (boxes, others)]
    return np.asarray(both / (areas[0] + areas[1] - both))


def dice(found: np.ndarray, truth: np.ndarray) -> float:
    return float(2 * (found & truth).sum() / max(1, found.sum() + truth.sum()))


def on_grid(mask: np.ndarray, space: tuple[int, int]) -> np.ndarray:
    return np.asarray(resize(mask[None].astype(np.float32), space)[0] > 0.5)


def skin(data: Path, split: str) -> dict[str, Any]:
    scores, patients, doubts, truths = [], [], 0, []
    for name in ("skin_ham", "skin_isic_cc0"):
        for index, row in enumerate(rows_of(data / name, split)):
            background = bare_skin(sequela.read(data / name / row["file"]))
            if background is None:
                continue
            picture, truth = drawn_lesion(background, np.random.default_rng(index))
            lesion = find_lesion(photograph(picture, row["file"]))
            scores.append(dice(on_grid(lesion.mask, truth.shape), truth))
            truths.append(truth)
            patients.append(patient(row))
            doubts += lesion.doubt is not None
    middle = np.mean(truths, axis=0)
    middle = middle > 0.5 if (middle > 0.5).any() else middle > middle.max() / 2
    plain = np.array([dice(middle, truth) for truth in truths])
    values = np.array(scores)
    return {
        "drawn lesions": len(values),
        "fallbacks": doubts,
        "Dice": rounded(interval(values, patients)),
        "Dice below 0.6": int((values < 0.6).sum()),
        "Dice of one constant place": rounded(interval(plain, patients)),
    }


def fundus(data: Path, split: str) -> dict[str, Any]:
    frames, discs, hits, owners, disc_owners = [], [], [], [], []
    for index, row in enumerate(rows_of(data / "fundus", split)):
        rng = np.random.default_rng(index)
        scan = sequela.read(data / "fundus" / row["file"])
        picture, truth = framed_retina(scan, rng)
        framed = photograph(picture, row["file"])
        lit = lit_disc(shown(framed, fitting(framed, 256)))
        frames.append(dice(on_grid(lit.mask, truth.shape), truth))
        owners.append(patient(row))
        drawn = drawn_disc(scan, rng)
        if drawn is None:
            continue
        found = find_fundus(photograph(drawn[0], row["file"])).disc
        disc_owners.append(patient(row))
        score, hit = disc_score(found, drawn[1], drawn[0].shape[:2])
        discs.append(score)
        hits.append(hit)
    return {
        "drawn frames": len(frames),
        "Dice of the retina": rounded(interval(np.array(frames), owners)),
        "drawn discs": len(discs),
        "Dice of the disc": rounded(interval(np.array(discs), disc_owners)),
        "disc's centre found within its radius": rounded(interval(np.array(hits), disc_owners)),
    }


def disc_score(
    found: Any, drawn: tuple[float, float, float], space: tuple[int, ...]
) -> tuple[float, float]:
    """Dice of two discs, and whether one's centre lies in the other."""
    if found is None:
        return 0.0, 0.0
    rows, columns = np.indices(space)
    row, column, radius = drawn
    truth = np.hypot(rows - row, columns - column) < radius
    ours = np.hypot(rows - found.row, columns - found.column) < found.radius
    return dice(ours, truth), float(np.hypot(found.row - row, found.column - column) < radius)


def domains(data: Path, split: str) -> dict[str, Any]:
    """Of each set: alarms when it is given as each domain; and as a film in three channels."""
    table: dict[str, Any] = {}
    for name, own in SETS.items():
        rows = rows_of(data / name, split)
        scans = [sequela.read(data / name / row["file"]) for row in rows]
        alarms = {
            domain: sum(check_domain(scan, domain) is not None for scan in scans)
            for domain in ("chest", "fundus", "skin")
        }
        wrong = [s.source.name for s in scans if check_domain(s, own) is not None]
        table[name] = {"images": len(rows), "alarms if given as": alarms, "wrong alarms": wrong}
        if own == "chest":
            tinted = [replace(scan, array=sepia(scan.array)) for scan in scans]
            table[name]["wrong alarms in sepia"] = sum(
                check_domain(scan, own) is not None for scan in tinted
            )
    return table


def sepia(grey: np.ndarray) -> np.ndarray:
    tinted = grey[..., None] * np.array([1.0, 0.88, 0.7])
    return np.asarray(np.round(tinted).astype(np.uint8))


def speed(data: Path, split: str) -> dict[str, Any]:
    """Processor seconds for one region of 512x512 pixels, mean and worst of ten, uncached."""
    figures = {}
    for name, domain in SETS.items():
        times = []
        for row in some(rows_of(data / name, split), 10):
            scan = sequela.read(data / name / row["file"])
            axes = np.moveaxis(np.atleast_3d(scan.array), -1, 0).astype(np.float32)
            large = np.moveaxis(resize(axes, (512, 512)), 0, -1).squeeze()
            scan = replace(scan, array=np.clip(large, 0, 255).astype(np.uint8))
            began = time.process_time()
            auto_region(scan, domain)
            times.append(time.process_time() - began)
        figures[name] = {"mean": round(np.mean(times), 3), "worst": round(max(times), 3)}
    return figures


def sheets(data: Path, split: str, out: Path) -> dict[str, Any]:
    """Thirty images of each set with what was found drawn in; and the notices that were given."""
    out.mkdir(parents=True, exist_ok=True)
    notices = {}
    for name, domain in SETS.items():
        images, labels = [], []
        told = []
        for row in some(rows_of(data / name, split), 30, seed=1):
            scan = sequela.read(data / name / row["file"])
            found = auto_region(scan, domain)
            images.append(outlined(scan, found.region.array, domain))
            labels.append(f"{'! ' if found.notice else ''}{scan.source.name}")
            told += [found.notice] if found.notice else []
        contact_sheet(images, labels, out / f"sheet_{name}_{split}.png", columns=6)
        notices[name] = told
    return notices


def outlined(scan: Scan, region: np.ndarray, domain: str, side: int = 256) -> np.ndarray:
    """The image with the region's half-way line; a fundus also with disc and macula."""
    space = fitting(scan, side)
    picture = np.round(shown(scan, space) * 255).astype(np.uint8)
    draw_border(picture, on_grid(region, space), (0, 255, 0))
    if domain == "fundus":
        found = find_fundus(scan)
        scale = space[0] / scan.plane[0]
        rows, columns = np.indices(space) / scale
        for spot, colour in ((found.disc, (0, 255, 255)), (found.macula, (255, 255, 0))):
            if spot is not None:
                off = np.hypot(rows - spot.row, columns - spot.column)
                draw_border(picture, off < spot.radius, colour)
    return picture


def draw_border(picture: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int]) -> None:
    picture[mask & ~ndimage.binary_erosion(mask, iterations=2, border_value=1)] = colour


if __name__ == "__main__":
    main()
