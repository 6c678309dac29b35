"""What can be said of lesion forecasts on real patients: where change came, and case sheets.

    python benchmarks/lesions_real.py --data FOLDER --out FOLDER [--model NAME|FILE]

`ms_longitudinal` (17 patients): no baseline lesion masks exist, its change masks mix growth and
shrinkage, and treatments are unknown. So no accuracy of the model is claimed. Measured: does the
lesion prior, derived from 13 other patients, tell where change came? AUROC of the prior's density
for the voxels of the change mask among those of the brain, patient by patient, and the mean with a
95 % interval over patients, drawn with replacement; next to it that of the distance from the
brain's middle, which needs no prior. Case sheets: the patients with FLAIR at both visits, through
the whole path at their own interval, brain and lesions found (one of the brain masks given there
holds skull and scalp): both FLAIRs, what was found at baseline, the real change, and
the forecast chance. The AUROC of the chance is told for each, as a description of three cases.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from films import write_figures
from PIL import Image, ImageDraw
from scipy.stats import rankdata

from sequela.cohorts.synthetic.trial import MINI_GRID
from sequela.cohorts.synthetic.trial.anatomy import brain as atlas_brain
from sequela.cohorts.synthetic.trial.prior import prior_at
from sequela.imaging.grid import Grid
from sequela.io.nifti import decode_nifti
from sequela.render.colours import COLOUR_MAPS

DRAWS = 4000
DAYS_PER_YEAR = 365.25
SHEETS = ("patient01", "patient03", "patient19")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", help="Also make the case sheets, with this model.")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    root = options.data / "ms_longitudinal"
    figures: dict[str, object] = {"prior": place(root)}
    if options.model:
        figures["cases"] = {name: sheet(root, name, options) for name in SHEETS}
    write_figures(figures, options.out / "lesions_real.json")


def read(path: Path) -> tuple[np.ndarray, Grid]:
    array, affine = decode_nifti(path.read_bytes(), path.name)
    depth, height, width = array.shape
    return array, Grid(shape=(depth, height, width), affine=affine)


def auroc(values: np.ndarray, hits: np.ndarray) -> float:
    """Chance that a voxel of the change has a greater value than one of the rest."""
    ranks = rankdata(values)
    count = int(hits.sum())
    rest = len(hits) - count
    return float((ranks[hits].sum() - count * (count + 1) / 2) / (count * rest))


def place(root: Path) -> dict[str, object]:
    rows = {f.parent.name: case(f.parent) for f in sorted(root.glob("*/change_mask.nii.gz"))}
    told = {name: row for name, row in rows.items() if row is not None}
    rng = np.random.default_rng(0)
    found: dict[str, object] = {
        "patients": len(told),
        "left out, as no voxel changed inside the brain": sorted(set(rows) - set(told)),
        "by patient": told,
    }
    for name in ("prior", "depth", "prior less depth"):
        values = np.array([row[name] for row in told.values()])
        draws = values[rng.integers(0, len(values), (DRAWS, len(values)))].mean(1)
        low, high = np.percentile(draws, [2.5, 97.5])
        found[name] = [round(float(v), 3) for v in (values.mean(), low, high)]
    return found


def case(folder: Path) -> dict[str, float] | None:
    change, grid = read(folder / "change_mask.nii.gz")
    brain = read(folder / "brainmask.nii.gz")[0] > 0
    hits = (change > 0)[brain]
    if not hits.any():
        return None
    points = grid.points[brain].astype(np.float64)
    atlas = MINI_GRID.points[atlas_brain(MINI_GRID.points) < 0].astype(np.float64)
    scaled = (points - points.mean(0)) * (atlas.std(0) / points.std(0)) + atlas.mean(0)
    density = prior_at(scaled[:, None, None].astype(np.float32))[:, 0, 0]
    depth = -np.linalg.norm((points - points.mean(0)) / points.std(0), axis=1)
    one, two = auroc(density, hits), auroc(depth, hits)
    return {
        "prior": round(one, 3),
        "depth": round(two, 3),
        "prior less depth": round(one - two, 3),
        "change ml": round(float(hits.sum() * grid.voxel_ml), 2),
    }


def interval_years(root: Path, name: str) -> float:
    with (root / "labels.csv").open(encoding="utf-8") as file:
        days = [float(r["days"]) for r in csv.DictReader(file) if r["patient_id"] == name]
    return max(days) / DAYS_PER_YEAR


def sheet(root: Path, name: str, options: argparse.Namespace) -> dict[str, object]:
    import sequela

    folder, years = root / name, interval_years(root, name)
    made = sequela.forecast(
        *sorted(p for p in folder.glob("visit1_*.nii.gz")),
        treatment="unknown",
        horizon_years=years,
        samples=32,
        model=options.model,
    )
    made.save(options.out / f"{name}-run", overwrite=True)
    baseline, last = made.states
    change = read(folder / "change_mask.nii.gz")[0] > 0
    later = read(folder / "visit2_FLAIR.nii.gz")[0]
    lesions, brain = (baseline.layers[key] > 0 for key in ("lesions", "brain"))
    draw(options.out / f"{name}.png", (baseline.image, later), lesions, change, last.image)
    free = brain & ~lesions
    return {
        "years": round(years, 2),
        "expected": round(last.scores["expected_count"], 1),
        "chance of any": round(last.scores["activity"], 3),
        "lesions found at baseline ml": round(float(lesions.sum() * _voxel(made.scan)), 2),
        "change ml": round(float(change.sum() * _voxel(made.scan)), 2),
        "AUROC of the chance for change outside old lesions": round(
            auroc(last.image[free], change[free]), 3
        ),
    }


def _voxel(scan: object) -> float:
    return float(abs(np.linalg.det(scan.affine[:3, :3]))) / 1000  # type: ignore[attr-defined]


def draw(
    path: Path,
    flairs: tuple[np.ndarray, np.ndarray],
    lesions: np.ndarray,
    change: np.ndarray,
    chance: np.ndarray,
) -> None:
    """Slices with most change, and even ones: both FLAIRs, and what lies over them."""
    most = np.argsort(change.sum((1, 2)))[::-1][:3]
    even = [round(len(change) * share) for share in (0.4, 0.5, 0.6)]
    slices = sorted({int(d) for d in (*most, *even)})
    top = float(np.percentile(chance[chance > 0], 99.5)) if chance.any() else 1.0
    rows = []
    for d in slices:
        first, second = (_grey(flair[d], flair) for flair in flairs)
        row = [
            first,
            second,
            _over(first, lesions[d].astype(float), "blue"),
            _over(second, change[d].astype(float), "orange"),
            _over(first, np.clip(chance[d] / top, 0, 1), "heat"),
        ]
        rows.append(np.concatenate(row, axis=1))
    picture = Image.fromarray(np.concatenate(rows))
    titles = ("FLAIR, first", "FLAIR, second", "found at first", "change mask", "forecast chance")
    pen, width = ImageDraw.Draw(picture), flairs[0].shape[2]
    for index, title in enumerate(titles):
        pen.text((index * width + 4, 2), title, fill=(255, 255, 255))
    picture.resize((picture.width * 3 // 2, picture.height * 3 // 2)).save(path)


def _grey(plane: np.ndarray, volume: np.ndarray) -> np.ndarray:
    high = float(np.percentile(volume[volume > 0], 99.5))
    shown = np.clip(plane / high * 255, 0, 255).astype(np.uint8)
    return np.repeat(shown[..., None], 3, axis=2)


def _over(grey: np.ndarray, share: np.ndarray, colours: str) -> np.ndarray:
    painted = COLOUR_MAPS[colours](share)
    opacity = painted[..., 3:] / 255 * 0.7
    return np.rint(grey * (1 - opacity) + painted[..., :3] * opacity).astype(np.uint8)


if __name__ == "__main__":
    main()
