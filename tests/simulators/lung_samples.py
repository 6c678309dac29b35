"""A small drawn chest with lungs that grow denser, and an untrained model to forecast it with."""

from pathlib import Path

import numpy as np
import torch

from sequela.core import Scan, Source, Window
from sequela.dynamics import Solver
from sequela.imaging.grid import Grid
from sequela.simulators.lungs import (
    CodecConfig,
    Forecaster,
    ForecasterConfig,
    VolumeCodec,
    save_codec,
    save_forecaster,
)

SHAPE = (16, 32, 32)
SPACING = (12.0, 9.0, 9.0)
GRID = Grid.upright(SHAPE, SPACING, (5.0, -3.0, 40.0))
CARD = {
    "name": "tiny-lungs",
    "licence": "Apache-2.0",
    "inputs": {"spacing_mm": list(SPACING)},
    "data": {"sets": ["synthetic-lungs"], "longest_follow_up_years": 4.0},
}


def lungs(grid: Grid = GRID) -> np.ndarray:
    """Two upright ellipsoids."""
    x, y, z = np.moveaxis(grid.points, -1, 0)
    sides = [
        ((x - 5 - side) / 45) ** 2 + ((y + 3) / 80) ** 2 + ((z - 40) / 75) ** 2 < 1
        for side in (-60, 60)
    ]
    return np.logical_or(*sides)


def volume(grid: Grid = GRID, *, dense: float = 0.0, seed: int = 0) -> np.ndarray:
    """HU; the lowest share `dense` of the lungs is fibrotic."""
    rng = np.random.default_rng(seed)
    x, y, z = np.moveaxis(grid.points, -1, 0)
    values = np.full(grid.shape, -1000.0)
    values[((x - 5) / 130) ** 2 + ((y + 3) / 110) ** 2 < 1] = 40
    inside = lungs(grid)
    values[inside] = -850
    values[inside & (z < 40 - 75 + 150 * dense)] = -400
    return np.rint(np.maximum(values + rng.normal(0, 8, grid.shape), -1024)).astype(np.int16)


def scan(values: np.ndarray, grid: Grid = GRID, name: str = "scan.nii.gz") -> Scan:
    return Scan(
        array=values,
        modality="ct",
        window=Window(low=-1000, high=400, origin="data"),
        source=Source(name=name, sha256="0" * 64),
        spacing_mm=grid.spacing_mm,
        affine=grid.affine,
    )


def write_model(folder: Path) -> Path:
    """Both stages, untrained, in a folder as it is bundled."""
    torch.manual_seed(0)
    codec = VolumeCodec(CodecConfig(width=4, latent_channels=4, codes=8, norm="voxel", shape=SHAPE))
    forecaster = Forecaster(
        ForecasterConfig(
            latent_channels=4,
            hidden=4,
            field_hidden=4,
            are_dates_exact=True,
            is_bridged=True,
            is_quantised=False,
            facts=("age", "treated"),
            solver=Solver(name="rk4", step=0.2),
        )
    )
    torch.nn.init.normal_(forecaster.head.weight, 0, 0.2)
    save_codec(codec, folder / "codec.safetensors", CARD)
    save_forecaster(forecaster, folder / "forecaster.safetensors", CARD)
    return folder
