"""Regions as 16-bit files: exact, because they lie on a grid of 65,536 levels."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from sequela.core import InvalidInputError, Region
from sequela.io.arrays import read_array
from sequela.io.files import unreadable

_LEVELS = 65535


def quantise_region(region: Region) -> Region:
    """The region on the grid of k/65535 that a 16-bit file holds; zeros and ones stay.

    Do this before a region is used, so that what is saved is what acted.
    """
    return replace(region, array=_shares(_levels(region.array)))


def region_levels(region: Region) -> np.ndarray:
    """The region as uint16 levels.

    Raises:
        InvalidInputError: the levels do not give the region back exactly.
    """
    levels = _levels(region.array)
    if not np.array_equal(_shares(levels), region.array):
        raise InvalidInputError(
            f"`region` must lie on the grid of 1/{_LEVELS} to be saved exactly, but "
            f"{region.origin} does not. Pass it through `sequela.io.quantise_region` before use."
        )
    return levels


def read_region_levels(path: Path, origin: str) -> Region:
    """Read back what `region_levels` gave."""
    levels = read_array(path)
    if levels.dtype != np.uint16:
        raise unreadable(path.name, f"holds {levels.dtype}, not uint16", "Restore the run folder.")
    return Region(array=_shares(levels), origin=origin)


def _levels(shares: np.ndarray) -> np.ndarray:
    return np.rint(shares.astype(np.float64) * _LEVELS).astype(np.uint16)


def _shares(levels: np.ndarray) -> np.ndarray:
    return (levels / _LEVELS).astype(np.float32)
