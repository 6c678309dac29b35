"""Norm, SiLU and convolution of a large volume in slabs, with the gradient of the whole.

A layer on 96 x 256 x 256 voxels and 64 channels holds 1.6 GB in each intermediate. Here only its
input and its output exist whole; all that lies between is computed slab by slab, and again, slab
by slab, for the gradient. The result is that of the plain layers.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Volume = Float[Tensor, "batch _ depth height width"]

_SLABS = 8


def normed_conv(norm: nn.GroupNorm | None, conv: nn.Conv3d, x: Volume) -> Volume:
    """`conv(silu(norm(x)))` with the edge repeated outwards; without a norm, `conv(x)`.

    Args:
        norm: Of groups of channels.
        conv: Kernel 3, stride 1, without padding of its own.
        x: Features.
    """
    groups, scale = (0, (None, None)) if norm is None else (norm.num_groups, norm.parameters())
    eps = 0.0 if norm is None else norm.eps
    made = _NormedConv.apply(x, groups, eps, *scale, conv.weight, conv.bias)  # type: ignore[no-untyped-call]  # torch gives it no type
    return torch.as_tensor(made)


class _NormedConv(torch.autograd.Function):
    """Keeps its input and nothing else."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, groups: int, eps: float, *weights: Tensor) -> Tensor:
        mean, rstd = _statistics(x, groups, eps)
        made = x.new_empty(len(x), len(weights[2]), *x.shape[2:])
        for inner, outer, pad in _slabs(x.shape[2]):
            made[:, :, inner] = _of_slab(x[:, :, outer], mean, rstd, weights, pad)
        ctx.save_for_backward(x, mean, rstd, *weights)
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, mean, rstd, *weights = ctx.saved_tensors
        leaves = [p.detach().requires_grad_() for p in (mean, rstd, *weights) if p is not None]
        sums = [torch.zeros_like(leaf) for leaf in leaves]
        filled = iter(leaves)
        held = [None if p is None else next(filled) for p in (mean, rstd, *weights)]
        grad_x = torch.zeros_like(x)
        for inner, outer, pad in _slabs(x.shape[2]):
            with torch.enable_grad():
                part = x[:, :, outer].detach().requires_grad_()
                made = _of_slab(part, held[0], held[1], held[2:], pad)
                found = torch.autograd.grad(made, [part, *leaves], grad[:, :, inner])
            grad_x[:, :, outer] += found[0]
            for total, more in zip(sums, found[1:], strict=True):
                total += more
        if mean is not None:
            _through_statistics(grad_x, x, mean, rstd, sums[0], sums[1])
            sums = sums[2:]
        given = iter(sums)
        return grad_x, None, None, *(None if w is None else next(given) for w in weights)


def _statistics(x: Tensor, groups: int, eps: float) -> tuple[Tensor | None, Tensor | None]:
    """Mean and inverse spread of each group of channels."""
    if not groups:
        return None, None
    variance, mean = torch.var_mean(x.reshape(len(x), groups, -1), dim=2, correction=0)
    return mean, (variance + eps).rsqrt()


def _of_slab(part: Tensor, mean: Any, rstd: Any, weights: Any, pad: tuple[int, ...]) -> Tensor:
    scale, shift, kernel, bias = weights
    if mean is not None:
        grouped = part.reshape(*mean.shape, -1)
        part = ((grouped - mean[..., None]) * rstd[..., None]).view_as(part)
        part = F.silu(part * scale.view(1, -1, 1, 1, 1) + shift.view(1, -1, 1, 1, 1))
    return F.conv3d(F.pad(part, pad, mode="replicate"), kernel, bias)


def _through_statistics(  # its two gradients, and what they are of
    grad_x: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, grad_mean: Tensor, grad_rstd: Tensor
) -> None:
    """Add what the input's share in the statistics brings, in place and slab by slab."""
    count = x[0].numel() / mean.shape[1]
    pull = -grad_rstd * rstd**3 / count  # of the variance: half of it, times two
    for channels in _by_group(x, mean.shape[1]):
        group = channels.start * mean.shape[1] // x.shape[1]
        here = x[:, channels]
        shape = (-1, 1, 1, 1, 1)
        grad_x[:, channels] += (grad_mean[:, group] / count).view(shape) + pull[:, group].view(
            shape
        ) * (here - mean[:, group].view(shape))


def _by_group(x: Tensor, groups: int) -> Iterator[slice]:
    size = x.shape[1] // groups
    return (slice(start, start + size) for start in range(0, x.shape[1], size))


def _slabs(depth: int) -> Iterator[tuple[slice, slice, tuple[int, ...]]]:
    """Rows of each slab, those its kernel sees, and the padding at the ends of the volume."""
    size = max(1, -(-depth // _SLABS))
    for start in range(0, depth, size):
        stop = min(start + size, depth)
        low, high = max(0, start - 1), min(depth, stop + 1)
        pad = (1, 1, 1, 1, low - start + 1, stop + 1 - high)
        yield slice(start, stop), slice(low, high), pad
