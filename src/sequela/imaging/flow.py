"""Optical flow: where each pixel of one picture has gone in another, and pictures carried along.

Source: Lucas and Kanade, "An iterative image registration technique", IJCAI 1981, coarse to fine.
Departs from it: the whole displacement, not each increment, is pulled towards 0 where the picture
has no structure to follow, so that flat tissue and grain stay where they are.
"""

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

Image = Float[np.ndarray, "channel height width"]
Field = Float[np.ndarray, "2 height width"]  # down and across, in pixels

_WINDOW_PX = 3.5  # standard deviation of the neighbourhood that must move alike
_STILLNESS = 3e-5  # squared slope, on the scale from -1 to 1, below which a pixel stays
_WARPS = 4  # refinements at each scale; more gains nothing
_COARSEST = 16  # pixels of the shorter side below which no coarser scale is made
_SHIFTED = 6  # fixed-point steps that turn "where from" into "where to"


def optical_flow(first: Image, last: Image, *, max_side: int = 256) -> Field:
    """The displacement that finds each pixel of `first` in `last`.

    Dense, smooth, and good for shifts up to about an eighth of the side. It takes brightness for
    identity: what fades or condenses without moving may be given a motion it does not have.

    Args:
        first: In [-1, 1].
        last: On the same grid.
        max_side: Larger pictures are followed at this size; the flow comes back at theirs.

    Returns:
        `first[p]` lies in `last` at `p + flow[p]`.
    """
    height, width = first.shape[1:]
    scale = min(1.0, max_side / max(height, width))
    sizes = [(max(2, round(height * scale)), max(2, round(width * scale)))]
    while min(sizes[-1]) >= 2 * _COARSEST:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    flow = np.zeros((2, *sizes[-1]), np.float32)
    for size in reversed(sizes):
        flow = resize_flow(flow, size)
        here, there = scaled(first, size), scaled(last, size)
        for _ in range(_WARPS):
            flow = _refined(here, there, flow)
    return resize_flow(flow, (height, width))


def carried(image: Image, displacement: Field, *, sharp: bool = False) -> Image:
    """The picture whose pixel `p` is `image[p + displacement[p]]`, edges repeated.

    Args:
        image: What is carried.
        displacement: Down and across, in pixels.
        sharp: Cubic instead of linear between pixels: grain stays, and edges may overshoot.
    """
    height, width = image.shape[1:]
    places = np.moveaxis(_grid(*displacement.shape[1:]) + displacement + np.float32(0.5), 0, -1)
    sides = np.array([height, width], np.float32)
    across_down = (places * (2 / sides) - 1)[..., ::-1].astype(np.float32)
    return F.grid_sample(
        torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))[None],
        torch.from_numpy(np.ascontiguousarray(across_down))[None],
        mode="bicubic" if sharp else "bilinear",
        padding_mode="border",
        align_corners=False,
    )[0].numpy()


def backward(flow: Field, share: float) -> Field:
    """Where the content at each pixel came from, after `share` of a flow has passed.

    Solves `p = q + share * flow[q]` for `q - p`; folds, where two places arrive at one pixel, give
    one of them.
    """
    displacement = np.zeros_like(flow)
    if share == 0:
        return displacement
    for _ in range(_SHIFTED):
        displacement = -share * carried(flow, displacement)
    return np.asarray(displacement, dtype=np.float32)


def resize_flow(flow: Field, space: tuple[int, int]) -> Field:
    """The flow on another grid, in that grid's pixels."""
    if flow.shape[1:] == space:
        return flow
    ratio = np.array([space[0] / flow.shape[1], space[1] / flow.shape[2]], np.float32)
    return np.asarray(scaled(flow, space) * ratio[:, None, None])


def scaled(image: Image, space: tuple[int, int]) -> Image:
    """Bilinear, so that nothing rings; antialiased where it shrinks."""
    batch = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))[None]
    return F.interpolate(batch, size=space, mode="bilinear", antialias=True)[0].numpy()


def _refined(here: Image, there: Image, flow: Field) -> Field:
    """One Gauss-Newton step on the whole displacement, in a Gaussian window around each pixel."""
    moved = carried(there, flow)
    down, across = np.gradient((moved + here) / 2, axis=(1, 2))
    rest = moved - here - down * flow[0] - across * flow[1]
    products = (down * down, across * across, down * across, down * rest, across * rest)
    dd, aa, da, dr, ar = (
        gaussian_filter(product.sum(axis=0), _WINDOW_PX, mode="nearest") for product in products
    )
    dd, aa = dd + _STILLNESS, aa + _STILLNESS
    determinant = dd * aa - da * da
    solved = np.stack([(da * ar - aa * dr) / determinant, (da * dr - dd * ar) / determinant])
    return np.asarray(solved, dtype=np.float32)


@lru_cache(maxsize=8)  # asked for with the same few sizes some hundred times a clip
def _grid(height: int, width: int) -> Field:
    return np.mgrid[0:height, 0:width].astype(np.float32)
