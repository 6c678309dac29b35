"""A drawn patient on a small grid, as arrays and as files, and an untaught network."""

from functools import cache
from pathlib import Path

import numpy as np
import torch

from sequela.cohorts.synthetic.trial import draw_subject
from sequela.core import Scan, Source, Window
from sequela.imaging.grid import Grid
from sequela.io.nifti import encode_nifti
from sequela.simulators.lesions.config import ForecastConfig
from sequela.simulators.lesions.network import LesionForecaster
from sequela.simulators.lesions.store import save_lesion_forecaster

PATIENT_GRID = Grid.upright((24, 64, 56), (6.0, 3.0, 3.0), centre_mm=(0.0, 16.0, 10.0))
UNTAUGHT = ForecastConfig(
    image_width=4, width=8, depth=1, condition_width=8, count_width=8, timesteps=20
)


@cache
def drawn_arrays() -> dict[str, np.ndarray]:
    """Two sequences and both masks."""
    subject = draw_subject(2, grid=PATIENT_GRID)
    images = subject.images()
    return {
        "FLAIR": images["FLAIR"].astype(np.float32),
        "T1": images["T1"].astype(np.float32),
        "lesions": subject.baseline_mask.astype(np.uint8),
        "brain": subject.brain_mask.astype(np.uint8),
    }


def as_scan(array: np.ndarray, name: str) -> Scan:
    return Scan(
        array=array,
        modality="mr",
        window=Window(low=0.0, high=max(float(array.max()), 1.0), origin="data"),
        source=Source(name=name, sha256=name),
        spacing_mm=PATIENT_GRID.spacing_mm,
        affine=PATIENT_GRID.affine,
    )


def write_volume(path: Path, array: np.ndarray, affine: np.ndarray | None = None) -> Path:
    used = PATIENT_GRID.affine if affine is None else affine
    path.write_bytes(encode_nifti(array, used, observed=False))
    return path


def write_patient(folder: Path) -> Path:
    for name, array in drawn_arrays().items():
        write_volume(folder / f"{name}.nii.gz", array)
    return folder


def write_untaught(path: Path) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = LesionForecaster(UNTAUGHT)
    save_lesion_forecaster(network, path, {"name": "untaught", "licence": "Apache-2.0"})
    return path
