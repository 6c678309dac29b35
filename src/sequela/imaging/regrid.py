"""Volumes from one grid to another, and small lesions that survive it."""

import numpy as np
from jaxtyping import Bool, Float, Shaped
from scipy import ndimage

from sequela.imaging.grid import Grid
from sequela.imaging.net2 import label_lesions

Volume = Float[np.ndarray, "depth height width"]
Move = Float[np.ndarray, "4 4"]
_HALF = 0.5


def regrid(
    values: Shaped[np.ndarray, "d h w"], source: Grid, target: Grid, *, move: Move | None = None
) -> Volume:
    """Values at the target's voxels, linearly interpolated; 0 outside the source.

    Where the target is coarser, values are averaged over its voxels first.

    Args:
        values: On the source's grid.
        source: Where they lie.
        target: Where they are wanted.
        move: 4x4 map of the target's LPS millimetres to the source's, as registration finds it.
    """
    full = np.linalg.inv(source.affine) @ (np.eye(4) if move is None else move) @ target.affine
    # one voxel of the target spans this many of the source, along each of the source's axes
    span = np.linalg.norm(full[:3, :3], axis=1)
    sigma = np.sqrt(np.maximum(span**2 - 1, 0) / 12)  # the spread of a box of that width
    smooth = ndimage.gaussian_filter(values.astype(np.float32), sigma)
    moved = ndimage.affine_transform(
        smooth, full[:3, :3], full[:3, 3], output_shape=target.shape, order=1
    )
    return np.asarray(moved, np.float32)


def regrid_nearest(
    mask: Bool[np.ndarray, "d h w"], source: Grid, target: Grid
) -> Bool[np.ndarray, "depth height width"]:
    """The mask's value at the nearest voxel: what is coarse stays coarse, and keeps its volume."""
    full = np.linalg.inv(source.affine) @ target.affine
    moved = ndimage.affine_transform(
        mask.astype(np.uint8), full[:3, :3], full[:3, 3], output_shape=target.shape, order=0
    )
    return np.asarray(moved > 0)


def regrid_mask(
    mask: Bool[np.ndarray, "d h w"], source: Grid, target: Grid, *, move: Move | None = None
) -> Bool[np.ndarray, "depth height width"]:
    """Voxels that the mask covers by half."""
    return np.asarray(regrid(mask, source, target, move=move) >= _HALF)


def regrid_lesions(
    mask: Bool[np.ndarray, "d h w"], source: Grid, target: Grid, *, move: Move | None = None
) -> Bool[np.ndarray, "depth height width"]:
    """Voxels that lesions cover by half, and the one nearest to the middle of any lesion so lost.

    On a coarse grid a mask cut at one half would lose most small lesions.
    """
    kept = regrid_mask(mask, source, target, move=move)
    labels, count = label_lesions(mask)
    if not count:
        return kept
    middles = np.array(ndimage.center_of_mass(mask, labels, np.arange(1, count + 1)))
    back = np.linalg.inv(np.eye(4) if move is None else move)
    millimetres = middles @ source.affine[:3, :3].T + source.affine[:3, 3]
    places = target.indices_of(millimetres @ back[:3, :3].T + back[:3, 3])
    nearest = np.rint(places).astype(int)
    inside = ((nearest >= 0) & (nearest < target.shape)).all(1)
    near = ndimage.maximum_filter(kept, size=3)
    for d, h, w in nearest[inside]:
        if not near[d, h, w]:
            kept[d, h, w] = True
    return kept
