"""Convolutional parts for volumes: "same" padding by replication, residual blocks, two ends.

Source: Ge et al., "Long Video Generation with Time-Agnostic VQGAN", arXiv:2204.03638
(TATS), as 4D-VQ-GAN, arXiv:2502.05713, uses it.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sequela.core.checks import check_choice, check_count
from sequela.nn.slabs import normed_conv

Volume = Float[Tensor, "batch _ _ _ _"]  # channels and sides differ between in and out
Norm = Literal["group", "batch", "voxel"]
NORMS: tuple[str, ...] = ("group", "batch", "voxel")


class SameConv(nn.Module):
    """A convolution whose output has `1 / stride` of the sides; the edge is repeated outwards."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        spare = kernel - stride
        self.pad = (spare - spare // 2, spare // 2) * 3
        self.conv = nn.Conv3d(channels_in, channels_out, kernel, stride)
        self.is_in_slabs = False  # of kernel 3 and stride 1 only: less memory, the same result

    def forward(self, x: Volume) -> Volume:
        """Features."""
        if self.is_in_slabs and torch.is_grad_enabled():
            return normed_conv(None, self.conv, x)
        padded = F.pad(x, self.pad, mode="replicate") if any(self.pad) else x
        return torch.as_tensor(self.conv(padded))


class SameTransposedConv(nn.Module):
    """A transposed convolution (kernel 4) that doubles the sides; the edge is repeated outwards."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose3d(channels_in, channels_out, 4, 2, padding=3)

    def forward(self, x: Volume) -> Volume:
        """Features on twice the grid."""
        return torch.as_tensor(self.conv(F.pad(x, (1,) * 6, mode="replicate")))


class VoxelNorm(nn.Module):
    """Divides each voxel's channels by their root mean square, and scales them.

    It sees nothing beside the voxel: crops, tiles and whole volumes give the same features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Volume) -> Volume:
        """Features of the same shape."""
        scale = (x.float().square().mean(dim=1, keepdim=True) + 1e-6).rsqrt().to(x)
        shape = (1, -1, *[1] * (x.ndim - 2))
        return x * scale * self.weight.view(shape) + self.bias.view(shape)


def norm_of(kind: str, channels: int, groups: int = 32) -> nn.Module:
    """The normalisation named `kind`; `group` has at most `groups` groups."""
    check_choice("norm", kind, NORMS)
    if kind == "batch":
        return nn.BatchNorm3d(channels)
    return nn.GroupNorm(min(groups, channels), channels) if kind == "group" else VoxelNorm(channels)


class _Checkpointed(nn.Module):
    """Runs its parts one after the other; `is_checkpointed`, each again for its gradient."""

    is_checkpointed = False

    def run(self, parts: Iterable[nn.Module], x: Volume) -> Volume:
        """The output of the last part."""
        for part in parts:
            if self.is_checkpointed and torch.is_grad_enabled():
                x = torch.as_tensor(checkpoint(part, x, use_reentrant=False))
            else:
                x = part(x)
        return x


class ResidualBlock(_Checkpointed):
    """Twice norm, SiLU and convolution, added to the input."""

    def __init__(self, channels_in: int, channels_out: int, norm: str) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            norm_of(norm, channels_in),
            nn.SiLU(),
            SameConv(channels_in, channels_out, 3),
            norm_of(norm, channels_out),
            nn.SiLU(),
            SameConv(channels_out, channels_out, 3),
        )
        same = channels_in == channels_out
        self.shortcut = nn.Identity() if same else SameConv(channels_in, channels_out, 1)

    def forward(self, x: Volume) -> Volume:
        """Features on the same grid."""
        if self.is_checkpointed and torch.is_grad_enabled() and self._has_slabs:
            return torch.as_tensor(self.shortcut(x) + self._in_slabs(x))
        # norms apart from convolutions: less lies in memory at once while one is differentiated
        parts = (self.layers[:2], self.layers[2], self.layers[3:5], self.layers[5])
        return torch.as_tensor(self.shortcut(x) + self.run(parts, x))

    @property
    def _has_slabs(self) -> bool:
        return isinstance(self.layers[0], nn.GroupNorm)

    def _in_slabs(self, x: Volume) -> Volume:
        """The same with the least memory: between the two convolutions' outputs nothing is kept."""
        norms = [layer for layer in self.layers if isinstance(layer, nn.GroupNorm)]
        convs = [layer for layer in self.layers if isinstance(layer, SameConv)]
        for norm, conv in zip(norms, convs, strict=True):
            x = normed_conv(norm, conv.conv, x)
        return x


class _Stages(_Checkpointed):
    """Stages one after the other."""

    def __init__(self, stages: list[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)

    def checkpointed(self, *, is_on: bool) -> None:
        """Compute stages, and inside a block its parts, again for their gradients."""
        for module in self.modules():
            if isinstance(module, _Checkpointed):
                module.is_checkpointed = is_on
        for stage in self.stages:
            if isinstance(stage, SameConv) and stage.conv.stride[0] == 1:
                stage.is_in_slabs = is_on

    def forward(self, x: Volume) -> Volume:
        """Features of the last stage."""
        return self.run(self.stages, x)


class VolumeEncoder(_Stages):
    """From one channel to `width * 2**levels` on a grid with sides `1 / 2**levels` as long."""

    def __init__(self, *, width: int, levels: int, norm: str) -> None:
        check_count("levels", levels)
        widths = [width * 2**level for level in range(levels + 1)]
        stages: list[nn.Module] = [SameConv(1, width, 3)]
        for a, b in pairwise(widths):
            stages += [SameConv(a, b, 4, 2), ResidualBlock(b, b, norm)]
        super().__init__([*stages, nn.Sequential(norm_of(norm, widths[-1]), nn.SiLU())])


class VolumeDecoder(_Stages):
    """The way back; the finest level is `2 * width` wide, as published."""

    def __init__(self, *, width: int, levels: int, blocks: int, norm: str) -> None:
        check_count("levels", levels)
        widths = [width * 2**level for level in (levels, *range(levels, 0, -1))]
        stages: list[nn.Module] = [nn.Sequential(norm_of(norm, widths[0]), nn.SiLU())]
        for a, b in pairwise(widths):
            stages.append(SameTransposedConv(a, b))
            stages += [ResidualBlock(b, b, norm) for _ in range(blocks)]
        super().__init__([*stages, SameConv(widths[-1], 1, 3)])
