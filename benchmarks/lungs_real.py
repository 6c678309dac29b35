"""Real CT through the lung engine: reading, lungs, reconstruction, one pair, slices of two dates.

    SEQUELA_DATA=../shared/data python benchmarks/lungs_real.py volumes --out work/lungs-real
    SEQUELA_DATA=../shared/data python benchmarks/lungs_real.py pair --out work/lungs-real
    SEQUELA_DATA=../shared/data python benchmarks/lungs_real.py slices --out work/lungs-real

The model was trained on drawn patients alone, so all of this is out of its domain. `volumes` is the
external row of Table 3: MSE in the lungs on intensities of unit range, coded in tiles, at the
model's own scale (resampled) and voxel by voxel as scanned.
"""

import argparse
import csv
import json
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity

from sequela.imaging.grid import Grid, grid_of
from sequela.imaging.lung_field import find_lungs
from sequela.imaging.regrid import regrid_mask
from sequela.io import read_volume
from sequela.render import contact_sheet
from sequela.simulators.lungs.asked import ForecastRequest
from sequela.simulators.lungs.codebook import histograms
from sequela.simulators.lungs.extrapolate import LungExtrapolation
from sequela.simulators.lungs.grids import cells, in_tiles
from sequela.simulators.lungs.model import LungModel, load_lung_model
from sequela.simulators.lungs.resampling import down, model_grid

HALO, TILE = 6, (8, 24, 24)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("volumes", "pair", "slices"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="lungs-mini")
    parser.add_argument("--as-scanned", action="store_true", help="code every voxel too: slow")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    model, data = load_lung_model(options.model), Path(os.environ["SEQUELA_DATA"])
    ways = {"volumes": volumes, "pair": pair, "slices": slices}
    made = ways[options.what](model, data, options)
    (options.out / f"{options.what}.json").write_text(json.dumps(made, indent=1))


@torch.no_grad()
def volumes(model: LungModel, data: Path, options: argparse.Namespace) -> list[dict]:
    rows, pictures, labels = [], [], []
    for path in sorted((data / "ct_volumes").glob("*.nii.gz")):
        if "tumour" in path.name:
            continue
        scan = read_volume(path).scan
        own = grid_of(scan)
        field = find_lungs(scan.array, own)
        config = model.engine.codec.config
        wanted = model_grid(
            field.mask, own, spacing_mm=model.spacing_mm, shape=config.shape, factor=config.factor
        )
        row = {"file": path.name, "lungs_ml": round(field.volume_ml), "doubts": field.doubts}
        ways = {
            "model scale": (down(scan.array, own, wanted), regrid_mask(field.mask, own, wanted)),
        }
        if options.as_scanned:
            ways["as scanned"] = (scan.array.astype(np.float32), field.mask)
        for way, (volume, lungs) in ways.items():
            shown, made = reconstructed(model, volume)
            row[way] = scores(shown, made, lungs)
            for name, picture in (("scan", shown), ("coded", made)):
                pictures.append(coronal(picture, lungs, wanted if way == "model scale" else own))
                labels.append(f"{path.name.split('.')[0][:18]}, {way}, {name}")
        rows.append(row)
        print(json.dumps(row), flush=True)
    contact_sheet(pictures, labels, options.out / "volumes.png", columns=4)
    return rows


def reconstructed(model: LungModel, volume: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The volume in [0, 1] and what its codes say, padded for the coding and cut again."""
    codec, factor = model.engine.codec, model.engine.codec.config.factor
    pad = [(0, -side % factor) for side in volume.shape]
    whole = torch.from_numpy(np.pad(volume, pad, mode="edge"))[None, None]
    seen = codec.to_model(whole)
    latents = in_tiles(codec.encode, seen, tile=TILE, halo=HALO, scales=(factor, 1))
    coded = codec.codebook.look_up(codec.codebook.indices(latents))
    made = in_tiles(codec.decode, coded, tile=TILE, halo=HALO, scales=(1, factor)).clamp(-1, 1)
    inner = tuple(slice(0, side) for side in volume.shape)
    return tuple((x[0, 0].numpy()[inner] + 1) / 2 for x in (seen, made))


def scores(shown: np.ndarray, made: np.ndarray, lungs: np.ndarray) -> dict[str, float]:
    error = float(np.square(shown - made)[lungs].mean())
    size = min(11, *(2 * ((side - 1) // 2) + 1 for side in shown.shape))
    _, alike = structural_similarity(shown, made, data_range=1.0, win_size=size, full=True)
    return {
        "mse_e3": round(1000 * error, 2),
        "psnr": round(-10 * float(np.log10(error)), 2),
        "ssim": round(float(alike[lungs].mean()), 3),
    }


def coronal(volume: np.ndarray, lungs: np.ndarray, grid: Grid) -> np.ndarray:
    index = int(np.median(np.flatnonzero(lungs.any(axis=(0, 2)))))
    plane = np.rint(255 * np.clip(volume[::-1, index], 0, 1)).astype(np.uint8)
    down_mm, _, across_mm = grid.spacing_mm
    width = round(220 * plane.shape[1] * across_mm / (plane.shape[0] * down_mm))
    return np.asarray(Image.fromarray(plane).resize((width, 220)))


def pair(model: LungModel, data: Path, options: argparse.Namespace) -> dict:
    """The elastix pair, a year apart by assumption: its interval is told nowhere."""
    names = ("elastix_baseline_small.nii.gz", "elastix_followup_on_baseline.nii.gz")
    scans = [read_volume(data / "ct_volumes" / name).scan for name in names]
    engine = LungExtrapolation(model=model)
    run = engine.simulate(scans, ForecastRequest(years=(0.0, 1.0), wanted_years=(0.5, 2.0, 3.0)))
    inside = run.regions["effective"].array > 0
    first = run.states[0].image
    made = {
        "shape": list(first.shape),
        "kinds": [state.kind for state in run.states],
        "outside_is_exact": all(
            bool((state.image[~inside] == first[~inside]).all()) for state in run.states
        ),
        "scores": [dict(state.scores) for state in run.states],
        "alignments": run.record.config["alignments"],
        "notices": run.record.notices,
    }
    print(json.dumps(made, indent=1))
    grid = grid_of(scans[0])
    shown = [np.clip((s.image + 1000.0) / 1400, 0, 1) for s in run.states]
    pictures = [coronal(picture, inside, grid) for picture in shown]
    labels = [f"{s.kind}, year {s.time_years:g}" for s in run.states]
    contact_sheet(pictures, labels, options.out / "pair.png", columns=5)
    return made


@torch.no_grad()
def slices(model: LungModel, data: Path, options: argparse.Namespace) -> dict:
    """Does the distance of code histograms grow with days? Few patients: an exploration."""
    folder, codec = data / "ct_pairs_2d", model.engine.codec
    with (folder / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["plane"] in ("axial", "coronal")]
    shares = {
        (r["plane"], r["patient_id"], int(r["days"])): share_of(
            codec, folder / r["file"], r["plane"]
        )
        for r in rows
    }
    found: dict = {}
    for plane in ("axial", "coronal"):
        points = []
        for patient in sorted({key[1] for key in shares if key[0] == plane}):
            days = sorted(key[2] for key in shares if key[:2] == (plane, patient))
            if len(days) == 2:
                one, two = (shares[plane, patient, day] for day in days)
                points.append((days[1] - days[0], float(np.abs(one - two).sum() / 2)))
        others = [
            float(np.abs(shares[a] - shares[b]).sum() / 2)
            for a in shares
            for b in shares
            if a[0] == b[0] == plane and a[1] < b[1]
        ]
        rank, chance = spearmanr(*zip(*points, strict=True))
        found[plane] = {
            "days_and_distance": sorted((d, round(x, 3)) for d, x in points),
            "patients": len(points),
            "spearman": round(float(rank), 2),
            "p": round(float(chance), 2),
            "same_patient": round(float(np.mean([x for _, x in points])), 3),
            "other_patients": round(float(np.mean(others)), 3),
        }
    print(json.dumps(found, indent=1))
    return found


def share_of(codec: torch.nn.Module, path: Path, plane: str) -> np.ndarray:
    """Shares of the codes in the lungs of a slice, stacked to a slab at the model's scale."""
    hu = np.asarray(Image.open(path)).astype(np.float32) - 1024
    spacing, thick = 0.9375, 16
    if plane == "axial":
        volume, steps = np.repeat(hu[None], thick, axis=0), (8.0, spacing, spacing)
    else:
        volume, steps = np.repeat(hu[::-1, None], thick, axis=1), (spacing, 3.5, spacing)
    own = Grid.upright(volume.shape, steps)
    lungs = find_lungs(volume, own).mask
    wide = (16, 120, 120) if plane == "axial" else (56, 16, 120)
    target = Grid.upright(wide, (8.0, 3.5, 3.5))
    inside = torch.from_numpy(regrid_mask(lungs, own, target))
    seen = codec.to_model(torch.from_numpy(down(volume, own, target)))
    indices = codec.codes_of(seen[None, None])
    return histograms(indices, cells(inside, codec.config.factor)[None], codec.config.codes)[0]


if __name__ == "__main__":
    main()
