"""What a scan adds to the truth: another depth of breath, another level, noise."""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter, map_coordinates

from sequela.cohorts.synthetic.lungs.design import LungDesign
from sequela.imaging.grid import Grid

Volume = Float[np.ndarray, "depth height width"]


def misaligned(rng: np.random.Generator, volume: Volume, grid: Grid, rms_mm: float) -> Volume:
    """The volume as registration left it: most moved at the diaphragm, hardly at the top.

    Args:
        rng: Source of the movement.
        volume: On `grid`.
        grid: Of the volume.
        rms_mm: Movement at the diaphragm, standard deviation along the body, half across it.
    """
    amounts = rng.normal(0, rms_mm * np.array([1.0, 0.5, 0.5])) / np.array(grid.spacing_mm)
    depth, height, width = (np.arange(n, dtype=np.float32) for n in grid.shape)
    fade = 1 - depth / max(grid.shape[0] - 1, 1)
    wave = np.cos(np.pi * (width / max(grid.shape[2] - 1, 1) - rng.uniform(0.2, 0.8)))
    moved = (fade[:, None] * wave[None]).astype(np.float32)[:, None]
    places = np.broadcast_arrays(
        depth[:, None, None] + np.float32(amounts[0]) * moved,
        height[None, :, None] + np.float32(amounts[1]) * moved,
        width[None, None] + np.float32(amounts[2]) * moved,
    )
    return np.asarray(map_coordinates(volume, np.stack(places), order=1, mode="nearest"))


def scanned(
    rng: np.random.Generator, volume: Volume, lungs: np.ndarray, grid: Grid, design: LungDesign
) -> Volume:
    """Level of the lungs and noise added, rounded to whole HU as a scanner stores them."""
    level = np.where(lungs, np.float32(rng.normal(0, design.level_hu)), np.float32(0))
    strength = rng.uniform(*design.noise_hu)
    grain = gaussian_filter(rng.standard_normal(grid.shape, np.float32), (0.0, 0.6, 0.6))
    noisy = volume + level + grain * np.float32(strength / grain.std())
    return np.asarray(np.rint(np.clip(noisy, -1024, 1500)), np.float32)
