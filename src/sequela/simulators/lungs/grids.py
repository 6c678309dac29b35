"""Between voxels and latent cells: masks down, tiles across, and the merge of old and new cells."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Bool, Float
from torch import Tensor

from sequela.core.checks import check_count

Volume = Float[Tensor, "batch _ _ _ _"]


def cells(mask: Bool[Tensor, "*batch _ _ _"], factor: int) -> Bool[Tensor, "*batch d h w"]:
    """Latent cells that hold any voxel of the mask."""
    shape = mask.shape
    pooled = F.max_pool3d(mask.float().view(-1, 1, *shape[-3:]), factor)[:, 0] > 0
    return pooled.view(*shape[:-3], *pooled.shape[-3:])


def in_tiles(
    function: Callable[[Volume], Volume],
    whole: Volume,
    *,
    tile: tuple[int, int, int],
    halo: int,
    scales: tuple[int, int],
) -> Volume:
    """Apply `function` tile by tile, each with what lies around it, and put the results together.

    Each tile is computed with a halo that is then cut off, so that no seam shows; where the halo
    is as wide as the function's reach and the function has no norm over space, the result is that
    of the whole.

    Args:
        function: From voxels to cells, or back.
        whole: All of it.
        tile: Sides of a tile without its halo, in cells.
        halo: Cells around it.
        scales: How many numbers lie along the side of a cell before and after: (1, 4) to decode.
    """
    check_count("halo", halo, minimum=0)
    for name, side in zip(("depth", "height", "width"), tile, strict=True):
        check_count(f"{name} of `tile`", side)
    before, after = scales
    sides = tuple(side // before for side in whole.shape[2:])
    made: Tensor | None = None
    for inner in _tiles(sides, tile):
        outer = tuple(
            slice(max(0, part.start - halo), min(side, part.stop + halo))
            for part, side in zip(inner, sides, strict=True)
        )
        part = function(whole[_scaled(outer, before)])
        if made is None:
            made = part.new_empty(*part.shape[:2], *(after * side for side in sides))
        kept = tuple(
            slice(i.start - o.start, i.stop - o.start) for i, o in zip(inner, outer, strict=True)
        )
        made[_scaled(inner, after)] = part[_scaled(kept, after)]
    return torch.as_tensor(made)


def box_of(inside: Bool[Tensor, "*batch d h w"], *, margin: int = 0) -> tuple[slice, slice, slice]:
    """The smallest box that holds all cells of a mask; the whole grid where there are none.

    `margin` cells around it are taken along, as far as the grid goes.
    """
    whole = inside.reshape(-1, *inside.shape[-3:]).any(dim=0)
    if not bool(whole.any()):
        return slice(0, whole.shape[0]), slice(0, whole.shape[1]), slice(0, whole.shape[2])
    low, high = (f(whole.nonzero(), dim=0).tolist() for f in (torch.amin, torch.amax))
    d, h, w = (
        slice(max(0, a - margin), min(side, b + 1 + margin))
        for a, b, side in zip(low, high, whole.shape, strict=True)
    )
    return d, h, w


def merged(
    baseline: Float[Tensor, "1 channel d h w"],
    forecast: Float[Tensor, "batch channel d h w"],
    lungs: Bool[Tensor, "1 d h w"],
) -> Float[Tensor, "batch channel d h w"]:
    """The forecast in the cells of the lungs, the baseline's own cells elsewhere."""
    return torch.where(lungs[:, None], forecast, baseline)


def _tiles(sides: tuple[int, ...], tile: tuple[int, int, int]) -> Iterator[tuple[slice, ...]]:
    steps = [range(0, side, part) for side, part in zip(sides, tile, strict=True)]
    for d in steps[0]:
        for h in steps[1]:
            for w in steps[2]:
                yield tuple(
                    slice(start, min(start + part, side))
                    for start, part, side in zip((d, h, w), tile, sides, strict=True)
                )


def _scaled(parts: tuple[slice, ...], scale: int) -> tuple[Any, ...]:
    return (..., *(slice(scale * part.start, scale * part.stop) for part in parts))
