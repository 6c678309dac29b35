"""The patient's own detail on a forecast state: what no code holds, voxel by voxel.

A codec of 4 x 4 x 4 voxels a cell blurs vessels, walls and the front of a disease. The decoded
change since the first scan is therefore laid over that scan, and a small U-Net corrects the sum: it
sees the first and the newest scan and where in the lungs a voxel lies. Without `numbers` it is told
no date: what moves, the forecast moves. With them it is told dates and the patient's numbers, and
forecasts too; its figures must then stand beside those of the forecast without it.

Not part of 4D-VQ-GAN, whose scans are decoded codes alone.
"""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt
from torch import Tensor, nn

from sequela.core.checks import check_count

Volume = Float[Tensor, "batch depth height width"]
Features = Float[Tensor, "batch _ depth height width"]

_LEVELS = 3
_SEEN = 8
_MARGIN = 4  # voxels around the lungs
_SLICE = 2.3  # thickness of a slice in voxels of its plane, as on the mini grid
_YEARS = 3.0  # of dates that count as one
DATES = 2  # numbers that tell dates
_DEEP = 8.0  # voxels below the surface that count as one


class Painter(nn.Module):
    """From two scans and three decoded states to the scan of the third state."""

    def __init__(self, width: int, *, numbers: int = 0) -> None:
        """`width` is the number of channels on the finest of three levels; each doubles it."""
        super().__init__()
        check_count("width", width)
        self.numbers = numbers
        widths = [width * 2**level for level in range(_LEVELS)]
        self.enter = nn.ModuleList(
            _convolutions(a, b) for a, b in pairwise([_SEEN + numbers, *widths])
        )
        self.leave = nn.ModuleList(_convolutions(a + b, a) for a, b in pairwise(widths))
        self.last = nn.Conv3d(width, 1, 1)
        nn.init.zeros_(self.last.weight)  # training starts from the sum alone
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]  # it has a bias

    def forward(
        self,
        scans: Float[Tensor, "batch 2 depth height width"],
        states: Float[Tensor, "batch 3 depth height width"],
        places: Float[Tensor, "batch 3 depth height width"],
        numbers: Float[Tensor, "batch number"] | None = None,
    ) -> Volume:
        """The scan at the third state's date, in [-1, 1] or a little beyond.

        Args:
            scans: The first and the newest given one, [-1, 1].
            states: Decoded, at their dates and at the date asked for.
            places: See `places_of`.
            numbers: See `numbers_of`; of a painter that is told them.
        """
        first, newest = scans.unbind(dim=1)
        first_state, newest_state, state = states.unbind(dim=1)
        since_first, since_newest = state - first_state, state - newest_state
        seen = (first, newest - first, since_first, since_newest, newest - newest_state)
        parts = [torch.stack(seen, dim=1), places]
        if self.numbers and numbers is not None:
            parts.append(numbers[..., None, None, None].expand(-1, -1, *first.shape[1:]))
        correction = self._unet(torch.cat(parts, dim=1))[:, 0]
        return 0.5 * (first + since_first + newest + since_newest) + correction

    def _unet(self, x: Features) -> Features:
        shape = x.shape[2:]
        spare = [-side % 2 ** (_LEVELS - 1) for side in shape]
        x = F.pad(x, [n for side in reversed(spare) for n in (0, side)], mode="replicate")
        x = x.contiguous(memory_format=torch.channels_last_3d)  # 1.4 times as fast on a CPU
        kept: list[Tensor] = []
        for level, stage in enumerate(self.enter):
            x = stage(x if level == 0 else F.avg_pool3d(x, 2))
            kept.append(x)
        x = kept.pop()
        for stage in reversed(self.leave):
            x = stage(torch.cat([kept.pop(), F.interpolate(x, scale_factor=2.0)], dim=1))
        depth, height, width = shape
        return torch.as_tensor(self.last(x)[..., :depth, :height, :width])


def places_of(lungs: Bool[Tensor, "depth height width"]) -> Float[Tensor, "3 depth height width"]:
    """Where in the lungs each voxel lies: how deep below their surface, how high, how far back.

    All about 0 to 1; 0 outside the lungs.
    """
    inside = lungs.cpu().numpy()
    depth = distance_transform_edt(np.pad(inside, 1), sampling=(_SLICE, 1.0, 1.0))[1:-1, 1:-1, 1:-1]
    axes = np.indices(inside.shape, np.float32)[:2]
    found = np.nonzero(inside)
    parts = [np.minimum(depth / _DEEP, 1.5)]
    for axis, at in zip(axes, found, strict=False):
        low, high = (int(f(at)) if len(at) else 0 for f in (np.min, np.max))
        parts.append(inside * (axis - low + 1) / (high - low + 1))
    return torch.from_numpy(np.stack(parts).astype(np.float32)).to(lungs.device)


def numbers_of(
    newest_years: float, wanted_years: float, told: Float[Tensor, " fact"]
) -> Float[Tensor, " number"]:
    """The dates of the newest given scan and from it to the one asked for, and what is told."""
    dates = torch.tensor([newest_years, wanted_years - newest_years]) / _YEARS
    return torch.cat([dates.to(told), told])


def voxel_box(lungs: Bool[Tensor, "depth height width"]) -> tuple[slice, slice, slice]:
    """The lungs' box with a margin: all that the painter sees."""
    found = lungs.nonzero()
    if not len(found):
        depth, height, width = (slice(0, side) for side in lungs.shape)
        return depth, height, width
    low, high = found.amin(dim=0).tolist(), found.amax(dim=0).tolist()
    d, h, w = (
        slice(max(0, a - _MARGIN), min(side, b + 1 + _MARGIN))
        for a, b, side in zip(low, high, lungs.shape, strict=True)
    )
    return d, h, w


def _convolutions(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, 3, padding=1),
        nn.SiLU(),
        nn.Conv3d(channels_out, channels_out, 3, padding=1),
        nn.SiLU(),
    )
