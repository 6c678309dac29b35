"""Lungs found on real films against boxes that were drawn by hand.

The films were cut around the boxes, so each is first padded and shifted at random.
"""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from sequela.conditioning.regions import auto_region
from sequela.core import Scan, Source, Window

SIDES = ("right_lung_box", "left_lung_box")


def data_folder():
    if "SEQUELA_DATA" not in os.environ:
        pytest.skip("SEQUELA_DATA is not set")
    return Path(os.environ["SEQUELA_DATA"])


def rows_of(folder, split):
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [row for row in rows if row["split"] == split]


def film(path, pad=((0, 0), (0, 0)), mode="constant"):
    with Image.open(path) as image:
        array = np.pad(np.asarray(image.convert("L")), pad, mode=mode)
    window = Window(low=0, high=255, origin="dtype")
    source = Source(name=path.name, sha256="")
    return Scan(array=array, modality="xray", window=window, source=source)


def shifted(folder, row, seed):
    """A padded film and its two boxes as shares of it: left, top, right, bottom."""
    draw = np.random.default_rng(seed)
    top, bottom, left, right = draw.integers(10, 150, 4)
    mode = "constant" if draw.random() < 0.5 else "edge"
    scan = film(folder / row["file"], ((top, bottom), (left, right)), mode)
    boxes = []
    for side in SIDES:
        x, y, width, height = map(float, row[side].split())
        boxes.append([x + left, y + top, x + left + width, y + top + height])
    return scan, np.array(boxes) / np.tile(scan.space[::-1], 2)


def lung_boxes(soft_mask):
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


def overlap(boxes, others):
    """Intersection over union of boxes."""
    shared = np.minimum(boxes[..., 2:], others[..., 2:]) - np.maximum(
        boxes[..., :2], others[..., :2]
    )
    shared = shared.clip(0).prod(-1)
    areas = [(b[..., 2:] - b[..., :2]).prod(-1) for b in (boxes, others)]
    return shared / (areas[0] + areas[1] - shared)


def lower_bound(values, patients):
    """2.5th percentile of the mean, drawn by patient."""
    draw = np.random.default_rng(0)
    groups = [values[patients == patient] for patient in np.unique(patients)]
    means = [
        np.concatenate([groups[i] for i in draw.integers(len(groups), size=len(groups))]).mean()
        for _ in range(2000)
    ]
    return np.percentile(means, 2.5)


@pytest.mark.realdata
def test_lungs_found_match_drawn_boxes_far_better_than_a_constant_box():
    folder = data_folder() / "cxr_time"
    tuning = [row for row in rows_of(folder, "train") if row[SIDES[0]]]
    constant = np.median([shifted(folder, row, i)[1] for i, row in enumerate(tuning)], axis=0)
    rows = [row for row in rows_of(folder, "test") if row[SIDES[0]]]
    films = [shifted(folder, row, 10_000 + i) for i, row in enumerate(rows)]
    drawn = np.array([boxes for _, boxes in films])
    found = np.array([lung_boxes(auto_region(scan).region.array) for scan, _ in films])
    ours = overlap(found, drawn).mean(1)
    gain = ours - overlap(constant[None], drawn).mean(1)
    patients = np.array([row["group"] or row["patient_id"] for row in rows])
    figures = (
        f"IoU {ours.mean():.3f}, gain {gain.mean():.3f}, at least {lower_bound(gain, patients):.3f}"
    )
    print(figures)  # noqa: T201  # shown by pytest -s
    assert ours.mean() >= 0.70, figures  # 0.80 when written
    assert lower_bound(gain, patients) >= 0.05, figures  # 0.13 when written


@pytest.mark.realdata
def test_few_films_of_a_hospital_need_the_fallback():
    folder = data_folder() / "cxr_nih"
    found = [auto_region(film(folder / row["file"])) for row in rows_of(folder, "test")]
    shares = [(region.region.array > 0.5).mean() for region in found]
    print(sum(region.notice is not None for region in found), "of", len(found))  # noqa: T201  # pytest -s
    assert np.mean([region.notice is not None for region in found]) <= 0.15  # 5 of 80
    assert min(shares) > 0.1
    assert max(shares) < 0.5
