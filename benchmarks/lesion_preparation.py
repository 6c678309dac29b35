"""How good is the offline preparation of lesion forecasts, on real images?

    python benchmarks/lesion_preparation.py --data FOLDER --out FOLDER

`ms_cross_sectional`: the FLAIR lesion baseline against three readers' consensus, and whether a
mask is told from its mirror image. Two patients have FLAIR: 07 (of the 13 behind the prior) chose
the thresholds, 19 (of the 12 others) is the only one to report on. `ms_longitudinal`: the brain
against the given mask, a planted move between FLAIR and T2, and planted shading. Known-truth trial
at 1 x 1 x 3 mm: NET2 lesions derived from the true masks of two visits against the events that
happened.
"""

import argparse
from pathlib import Path

import numpy as np
from films import write_figures

from sequela.cohorts.synthetic.trial import PLACEBO, draw_subject
from sequela.imaging.brain import even_out, find_brain
from sequela.imaging.flair import flair_lesions, looks_flipped
from sequela.imaging.grid import Grid
from sequela.imaging.net2 import derive_net2, label_lesions
from sequela.imaging.rigid import align
from sequela.io.nifti import decode_nifti
from sequela.metrics.lesions import dice, match_lesions
from sequela.simulators.lesions.atlas import likely_at

PLANTED_MM = (4.0, -5.0, 3.0)
FINE = Grid.upright((48, 200, 160), (3.0, 1.0, 1.0), centre_mm=(0.0, 16.0, 8.0))
SUBJECTS = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    figures: dict[str, object] = {"net2": net2()}
    for patient in ("patient01", "patient03"):
        figures[patient] = two_visits(options.data / "ms_longitudinal" / patient)
    for patient in ("patient07", "patient19"):
        figures[patient] = lesions(options.data / "ms_cross_sectional" / patient)
    write_figures(figures, options.out / "lesion_preparation.json")


def read(path: Path) -> tuple[np.ndarray, Grid]:
    array, affine = decode_nifti(path.read_bytes(), path.name)
    depth, height, width = array.shape
    return array.astype(np.float32), Grid(shape=(depth, height, width), affine=affine)


def lesions(folder: Path) -> dict[str, object]:
    flair, grid = read(folder / "FLAIR.nii.gz")
    truth = read(folder / "lesions.nii.gz")[0] > 0
    brain = find_brain(flair, grid.spacing_mm)
    even, _ = even_out(flair, brain)
    found = flair_lesions(even, brain, grid.spacing_mm, likely=likely_at(brain, grid))
    match = match_lesions(found, truth)
    return {
        "dice": round(dice(found, truth), 3),
        "sensitivity": round(match.sensitivity, 3),
        "precision": round(match.precision, 3),
        "found ml": round(float(found.sum() * grid.voxel_ml), 2),
        "true ml": round(float(truth.sum() * grid.voxel_ml), 2),
        "mask seen as flipped": looks_flipped(truth, even, brain),
        "mirror image seen as flipped": looks_flipped(truth[..., ::-1], even, brain),
    }


def two_visits(folder: Path) -> dict[str, object]:
    flair, grid = read(folder / "visit1_FLAIR.nii.gz")
    other = read(folder / "visit1_T2W.nii.gz")[0]
    given = read(folder / "brainmask.nii.gz")[0] > 0
    shift = np.eye(4)
    shift[:3, 3] = PLANTED_MM
    still = align(flair, grid, other, grid).move
    moved = align(flair, grid, other, Grid(shape=grid.shape, affine=shift @ grid.affine)).move
    points = grid.points[given][::2000].astype(np.float64)
    one, two = (points @ m[:3, :3].T + m[:3, 3] for m in (still, moved))
    shading = np.exp(0.3 * np.linspace(-1, 1, grid.shape[1]))[None, :, None].astype(np.float32)
    plain, again = even_out(flair, given)[0], even_out(flair * shading, given)[0]
    rest = np.log(np.maximum(again[given], 1e-3) / np.maximum(plain[given], 1e-3))
    return {
        "brain dice": round(dice(find_brain(flair, grid.spacing_mm), given), 3),
        "planted move found within mm": round(
            float(np.abs(two - one - np.array(PLANTED_MM)).max()), 2
        ),
        "planted shading left over": round(float(rest.std() / np.log(shading).std()), 3),
    }


def net2() -> dict[str, float]:
    """Two years of placebo, from masks alone, with the default rule."""
    happened, derived, new = [], [], []
    for seed in range(SUBJECTS):
        subject = draw_subject(seed, grid=FINE)
        found = derive_net2(
            subject.baseline_mask,
            subject.lesion_mask(PLACEBO, 2.0),
            voxel_ml=FINE.voxel_ml,
        )
        happened.append(subject.count(PLACEBO, 2.0))
        derived.append(found.count)
        new.append(label_lesions(subject.net2(PLACEBO, 2.0), least=3)[1])
    return {
        "events": float(np.mean(happened)),
        "derived": float(np.mean(derived)),
        "components of the true NET2 mask of 9 mm3 or more": float(np.mean(new)),
        "correlation": round(float(np.corrcoef(happened, derived)[0, 1]), 3),
        "mean absolute difference": float(np.abs(np.subtract(happened, derived)).mean()),
    }


if __name__ == "__main__":
    main()
