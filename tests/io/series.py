"""Small CT series and volumes, built on the spot."""

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.uid import CTImageStorage

from tests.io.samples import dicom_bytes

SHAPE = (12, 24, 20)  # slices, rows, columns


def chest(shape: tuple[int, int, int] = SHAPE, seed: int = 0) -> np.ndarray:
    """HU of a body with two lungs, one value a voxel plus a mark of its slice."""
    rng = np.random.default_rng(seed)
    depth, height, width = shape
    values = np.full(shape, -1000.0)
    values[:, height // 8 : -height // 8, width // 10 : -width // 10] = 40
    for side in (slice(width // 6, width // 2 - 1), slice(width // 2 + 1, -width // 6)):
        values[1:-1, height // 4 : -height // 4, side] = -850
    noisy = values + rng.normal(0, 10, shape) + np.arange(depth)[:, None, None]
    return np.rint(np.maximum(noisy, -1024)).astype(np.int16)


def write_series(folder: Path, volume: np.ndarray, **changes: Any) -> Path:
    """One file a slice, named in no order; the first slice is the lowest.

    Args:
        folder: Made if missing.
        volume: [D, H, W] in HU, axes to superior, posterior, left.
        changes: Attributes of every slice; `skip` leaves slices out, `step` is the distance, `tilt`
            moves each slice backwards by so many millimetres, `prefix` names files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    skip, step = changes.pop("skip", ()), changes.pop("step", 5.0)
    tilt, prefix = changes.pop("tilt", 0.0), changes.pop("prefix", "")
    for number, plane in enumerate(volume):
        if number in skip:
            continue
        attributes = {
            "SOPClassUID": CTImageStorage,
            "Modality": "CT",
            "SeriesInstanceUID": "1.2.3",
            "SeriesNumber": 4,
            "SliceThickness": step,
            "PixelSpacing": [3.0, 2.0],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "ImagePositionPatient": [-20.0, -30.0 + tilt * number, 100.0 + step * number],
            "RescaleSlope": 1,
            "RescaleIntercept": -1024,
            "InstanceNumber": 99 - number,
            "AcquisitionDate": "20200301",
            "SOPInstanceUID": f"1.2.3.{number}",
            **changes,
        }
        stored = (plane.astype(np.int32) + 1024).astype(np.uint16)
        name = f"{prefix}{(7 * number) % len(volume):03d}.dcm"
        (folder / name).write_bytes(dicom_bytes(stored, **attributes))
    return folder
