"""Where multiple-sclerosis lesions sit: a small map derived from 13 of 25 real lesion masks.

    python tools/derive_lesion_prior.py --data FOLDER [--out FILE]

`FOLDER` holds `ms_cross_sectional` (CC BY; Lesjak et al., Neuroinformatics 2017,
doi 10.1007/s12021-017-9348-7, in MNI space). The 13 patients are named in
`src/sequela/assets/lesions/prior.toml`; the other 12 stay unseen, for `benchmarks/trial.py`. What
is kept is no patient's image: two maps on a 4 mm grid, averaged over patients, smoothed (sigma
3 mm) and made symmetric: `foci`, the density of lesion foci, and `size`, how large they are there.
"""

import argparse
import tomllib
from pathlib import Path

import numpy as np
from scipy import ndimage

from sequela.io.nifti import decode_nifti

ASSETS = Path(__file__).parents[1] / "src" / "sequela" / "assets" / "lesions"
STEP_MM, SIGMA_MM = 4, 3.0
LEVELS = 255


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=ASSETS / "prior.npz")
    options = parser.parse_args()
    patients = tomllib.loads((ASSETS / "prior.toml").read_text())["patients"]
    masks, affine = read_masks(options.data / "ms_cross_sectional", patients)
    foci = np.mean([focus_density(mask) for mask in masks], axis=0)
    occupied = np.mean(masks, axis=0)
    foci, occupied = (coarse(smooth(volume)) for volume in (foci, occupied))
    size = np.where(foci > 1e-3 * foci.max(), occupied / np.maximum(foci, 1e-12), 0)
    # what an average focus measures is 1; a few cells of one giant lesion must not rule
    size /= (size * foci).sum() / foci.sum()
    np.savez_compressed(
        options.out,
        foci=packed(np.sqrt(foci / foci.max())),
        size=packed(np.clip(size, 0, 4) / 4),
        affine=coarse_affine(affine),
    )
    print(f"{options.out}: {options.out.stat().st_size} bytes, {foci.shape} cells of {STEP_MM} mm")


def read_masks(folder: Path, patients: list[str]) -> tuple[list[np.ndarray], np.ndarray]:
    """Lesion masks `[D, H, W]`, all on one grid, and its affine."""
    masks = []
    for patient in patients:
        data = (folder / patient / "lesions.nii.gz").read_bytes()
        array, affine = decode_nifti(data, patient)
        masks.append(array > 0)
    return masks, affine


def focus_density(mask: np.ndarray) -> np.ndarray:
    """Foci per voxel: a lesion counts as the square root of its voxels, spread over them.

    A confluent lesion of 20 mL is neither one focus nor 400; the root stands between.
    """
    labels, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel()).astype(np.float64)
    share = np.where(sizes > 0, 1 / np.sqrt(np.maximum(sizes, 1)), 0)
    share[0] = 0
    return share[labels]


def smooth(volume: np.ndarray) -> np.ndarray:
    """Smoothed, and averaged with its mirror image: sides are not told apart by so few patients."""
    soft = ndimage.gaussian_filter(volume.astype(np.float64), SIGMA_MM)
    return soft + mirrored(soft)


def mirrored(volume: np.ndarray) -> np.ndarray:
    flipped = np.zeros_like(volume)
    # voxel w lies at w - 90 mm from the midline, so its mirror image is 180 - w
    flipped[..., :181] = volume[..., 180::-1]
    return flipped


def coarse(volume: np.ndarray) -> np.ndarray:
    every = slice(STEP_MM // 2, None, STEP_MM)  # index 90, the midline, is among them
    return volume[every, every, every]


def coarse_affine(affine: np.ndarray) -> np.ndarray:
    scaled = affine.copy()
    scaled[:3, :3] *= STEP_MM
    scaled[:3, 3] = (affine @ np.array([STEP_MM // 2, STEP_MM // 2, STEP_MM // 2, 1.0]))[:3]
    return scaled


def packed(share: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(share, 0, 1) * LEVELS).astype(np.uint8)


if __name__ == "__main__":
    main()
