"""Bring a region drawn on another grid to the scan's grid, or refuse it."""

import numpy as np

from sequela.core import GeometryMismatchError, Region, Scan
from sequela.imaging import quantise, resize

_SHAPE_TOLERANCE = 0.02  # relative difference of side ratios that rounding to whole pixels explains


def place_region(region: Region, scan: Scan) -> tuple[Region, str | None]:
    """The region on the scan's grid, and what to tell the user if it had to be resampled.

    Raises:
        GeometryMismatchError: The shapes differ, so that it would have to be stretched.
    """
    if region.array.shape == scan.space:
        return region, None
    if region.array.ndim != len(scan.space):
        raise GeometryMismatchError(
            f"`region` must have {len(scan.space)} axes like {scan.source.name}, but "
            f"{region.origin} has shape {region.array.shape}. Draw it on the image itself."
        )
    asked = region.array.shape[0] / region.array.shape[1]
    wanted = scan.space[0] / scan.space[1]
    if abs(asked / wanted - 1) > _SHAPE_TOLERANCE:
        raise GeometryMismatchError(
            f"`region` must have the shape ratio of {scan.source.name} {scan.space}, got "
            f"{region.array.shape} ({region.origin}). It may belong to another image; a region is "
            "never stretched."
        )
    space = scan.plane
    array = quantise(resize(region.array[None], space)[0])
    notice = (
        f"The region {region.origin} has {region.array.shape[1]}x{region.array.shape[0]} pixels "
        f"and was resampled to the image's {space[1]}x{space[0]}."
    )
    return Region(array=np.ascontiguousarray(array), origin=region.origin), notice
