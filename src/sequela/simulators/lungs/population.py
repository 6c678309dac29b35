"""How lungs of a cohort change on average, laid over one patient's lungs: all that one scan tells.

The mean change a year is kept on a grid that spans the lungs from end to end along each axis, and
stretched to the box of the patient's lungs.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from sequela.checkpoints.single import read_single, write_single
from sequela.core import UnreadableFileError
from sequela.simulators.baselines.lungs import PopulationDrift, fit_drift

Volume = Float[np.ndarray, "depth height width"]
Mask = Bool[np.ndarray, "depth height width"]

FORMAT = "sequela-lung-drift-1"
BOX = (16, 32, 40)  # samples that span the lungs along d, h, w


@dataclass(frozen=True, kw_only=True, eq=False)
class PopulationChange:
    """Mean change a year over the lungs' box, with the card that says whose.

    Attributes:
        hu_per_year: On `BOX`.
        card: Cohort, patients, licence.
    """

    hu_per_year: Float[np.ndarray, "d h w"]
    card: dict[str, Any]

    def over(self, lungs: Mask) -> PopulationDrift:
        """The drift of a patient with these lungs."""
        drift = np.zeros(lungs.shape, np.float32)
        box = ndimage.find_objects(lungs.astype(np.uint8))[0]
        shape = tuple(part.stop - part.start for part in box)
        drift[box] = _stretched(self.hu_per_year, shape)
        return PopulationDrift(hu_per_year=drift, lungs=lungs)


def fit_population(
    cases: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]], card: dict[str, Any]
) -> PopulationChange:
    """The mean change of training patients, each stretched to one box.

    Args:
        cases: Scans [T, D, H, W] in HU, their years and the lung mask of each patient.
        card: Whose they are.
    """

    def boxed() -> Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for scans, years, lungs in cases:
            box = ndimage.find_objects(lungs.astype(np.uint8))[0]
            small = [_stretched(scan[box].astype(np.float32), BOX) for scan in scans]
            yield np.stack(small), years, _stretched(lungs[box].astype(np.float32), BOX) >= 0.5

    return PopulationChange(hu_per_year=fit_drift(boxed(), smooth=1.0).hu_per_year, card=card)


def save_population(change: PopulationChange, path: Path) -> None:
    """Write it in fp16 with its card."""
    import torch

    write_single(path, {"hu_per_year": torch.from_numpy(change.hu_per_year)}, change.card, FORMAT)


def load_population(path: Path | None = None) -> PopulationChange:
    """The change saved in `path`, or the bundled one of the synthetic cohort.

    Raises:
        UnreadableFileError: There is no such file.
        CheckpointError: It is damaged, or holds something else.
    """
    path = path or Path(str(files("sequela"))) / "assets" / "lungs" / "drift.safetensors"
    if not path.is_file():
        raise UnreadableFileError(
            f"`drift` must name a file, but {path.name} does not exist. Give two scans, or make it "
            "with benchmarks/lungs_assets.py."
        )
    tensors, card = read_single(path, FORMAT)
    return PopulationChange(hu_per_year=tensors["hu_per_year"].float().numpy(), card=card)


def _stretched(volume: Volume, shape: tuple[int, ...]) -> Volume:
    """Resampled from end to end, whatever the shapes."""
    places = [
        np.clip((np.arange(n) + 0.5) * m / n - 0.5, 0, m - 1)
        for n, m in zip(shape, volume.shape, strict=True)
    ]
    grid = np.stack(np.meshgrid(*places, indexing="ij"))
    return np.asarray(ndimage.map_coordinates(volume, grid, order=1, mode="nearest"), np.float32)
