"""Regions as 16-bit files: exact, because they lie on a grid of 65,536 levels."""

from pathlib import Path

import numpy as np

from sequela.core import InvalidInputError, Region
from sequela.io.arrays import read_array
from sequela.io.files import unreadable

_LEVELS = 65535


def region_levels(region: Region) -> np.ndarray:
    """The region as uint16 levels.

    Raises:
        InvalidInputError: the levels do not give the region back exactly.
    """
    levels = np.rint(region.array.astype(np.float64) * _LEVELS).astype(np.uint16)
    if not np.array_equal(_shares(levels), region.array):
        raise InvalidInputError(
            f"`region` must lie on the grid of 1/{_LEVELS} to be saved exactly, but "
            f"{region.origin} does not. Pass it through `sequela.imaging.quantise` before use."
        )
    return levels


def read_region_levels(path: Path, origin: str) -> Region:
    """Read back what `region_levels` gave."""
    levels = read_array(path)
    if levels.dtype != np.uint16:
        raise unreadable(path.name, f"holds {levels.dtype}, not uint16", "Restore the run folder.")
    return Region(array=_shares(levels), origin=origin)


def _shares(levels: np.ndarray) -> np.ndarray:
    return (levels / _LEVELS).astype(np.float32)
