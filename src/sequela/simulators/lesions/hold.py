"""Masks made to hold the count that was drawn for them.

Between few denoising steps a lesion may fall to pieces, and another may get lost. The smallest
pieces go; where lesions are missing, the likeliest voxels that touch nothing come.
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from sequela.imaging.net2 import label_lesions

Mask = Bool[np.ndarray, "depth height width"]
_AROUND = np.ones((3, 3, 3), bool)


def hold(mask: Mask, odds: Float[np.ndarray, "depth height width"], count: int) -> Mask:
    """The mask with so many lesions, 26-connected.

    Args:
        mask: Drawn.
        odds: Log odds of each voxel at the last denoising step; -inf where none can come.
        count: Lesions that there shall be; fewer where there is no place for more.
    """
    labels, found = label_lesions(mask)
    if found >= count:
        sizes = np.bincount(labels.ravel(), minlength=found + 1)[1:]
        kept = 1 + np.argsort(-sizes, kind="stable")[:count]
        return np.asarray(np.isin(labels, kept))
    held = mask.copy()
    taken = ndimage.binary_dilation(mask, _AROUND)
    able = np.flatnonzero(~taken & ~np.isneginf(odds))
    for place in able[np.argsort(-odds.flat[able], kind="stable")]:
        at = np.unravel_index(int(place), mask.shape)
        if found == count:
            break
        if not taken[at]:
            held[at] = True
            taken[tuple(slice(max(i - 1, 0), i + 2) for i in at)] = True
            found += 1
    return held
