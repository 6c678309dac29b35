"""Vector quantisation: each vector of a latent becomes the nearest of K learned codes.

The codes follow the encoder by a running average and have no gradient; codes that nobody uses start
again from a vector of the batch. Everything that this needs is a buffer, so that a resumed training
goes on where it stopped.

Source: van den Oord et al., "Neural Discrete Representation Learning", arXiv:1711.00937, appendix
A.1, with the restarts of Dhariwal et al., arXiv:2005.00341. A restarted code's running count and
sum restart with it; the code of TATS and 4D-VQ-GAN moves the code alone, so that the next average
takes the move back.
"""

from dataclasses import dataclass

import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float, Int
from torch import Tensor, nn

from sequela.core.checks import check_count, check_share

Latent = Float[Tensor, "batch channel *space"]

_EPSILON = 1e-7  # of the smoothed counts, as published


@dataclass(frozen=True, kw_only=True, eq=False)
class Quantised:
    """A latent made of codes.

    Attributes:
        latents: The codes at each cell; their gradient is that of the encoder's output.
        indices: Which code, from 0.
        commitment: Mean squared distance between the encoder's output and its codes.
        perplexity: How many codes the batch uses, as the exponential of their entropy.
    """

    latents: Latent
    indices: Int[Tensor, "batch *space"]
    commitment: Float[Tensor, ""]
    perplexity: Float[Tensor, ""]


class Codebook(nn.Module):
    """K codes of `channels` numbers each."""

    codes: Tensor
    counts: Tensor
    sums: Tensor
    is_started: Tensor

    def __init__(
        self, codes: int, channels: int, *, decay: float = 0.99, restart_below: float = 1.0
    ) -> None:
        """`decay` of the running average; a code used less than `restart_below` starts again."""
        super().__init__()
        check_count("codes", codes, minimum=2)
        check_count("channels", channels)
        check_share("decay", decay)
        self.decay, self.restart_below = decay, restart_below
        self.register_buffer("codes", torch.randn(codes, channels))
        self.register_buffer("counts", torch.zeros(codes))
        self.register_buffer("sums", torch.zeros(codes, channels))
        self.register_buffer("is_started", torch.zeros((), dtype=torch.bool))

    def forward(self, latents: Latent) -> Quantised:
        """Quantise, and in training mode let the codes follow."""
        vectors = latents.movedim(1, -1).flatten(0, -2).float()
        if self.training and not self.is_started:
            self._start(vectors.detach())
        indices = self.indices(latents)
        chosen = self.look_up(indices)
        commitment = F.mse_loss(latents.float(), chosen)
        shares = torch.bincount(indices.flatten(), minlength=len(self.codes)) / indices.numel()
        if self.training:
            self._follow(vectors.detach(), indices.flatten())
        return Quantised(
            latents=latents + (chosen.to(latents) - latents).detach(),
            indices=indices,
            commitment=commitment,
            perplexity=torch.special.entr(shares).sum().exp(),
        )

    @torch.no_grad()
    def indices(self, latents: Latent) -> Int[Tensor, "batch *space"]:
        """The nearest code of each cell; the first of equals."""
        vectors = latents.movedim(1, -1).float()
        flat = vectors.flatten(0, -2)
        # |v - c|^2 without |v|^2, which is the same for all codes
        distances = self.codes.square().sum(dim=1) - 2 * flat @ self.codes.T
        return distances.argmin(dim=1).view(vectors.shape[:-1])

    def look_up(self, indices: Int[Tensor, "batch *space"]) -> Latent:
        """The codes of indices."""
        return self.codes[indices].movedim(-1, 1)

    @torch.no_grad()
    def _start(self, vectors: Float[Tensor, "cell channel"]) -> None:
        self.codes.copy_(self._picked(vectors))
        self.sums.copy_(self.codes)
        self.counts.fill_(1.0)
        self.is_started.fill_(value=True)

    @torch.no_grad()
    def _follow(
        self, vectors: Float[Tensor, "cell channel"], indices: Int[Tensor, " cell"]
    ) -> None:
        """One step of the running averages, then the restarts."""
        counts = torch.zeros_like(self.counts).index_add_(
            0, indices, vectors.new_ones(len(indices))
        )
        sums = torch.zeros_like(self.sums).index_add_(0, indices, vectors)
        for total in (counts, sums):
            _sum_over_processes(total)
        self.counts.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        whole = self.counts.sum()
        smoothed = (self.counts + _EPSILON) / (whole + len(self.codes) * _EPSILON) * whole
        self.codes.copy_(self.sums / smoothed[:, None])
        self._restart(vectors)

    def _restart(self, vectors: Float[Tensor, "cell channel"]) -> None:
        unused = self.counts < self.restart_below
        fresh = self._picked(vectors)
        self.codes.copy_(torch.where(unused[:, None], fresh, self.codes))
        self.sums.copy_(torch.where(unused[:, None], fresh * self.restart_below, self.sums))
        self.counts.clamp_(min=self.restart_below)

    def _picked(self, vectors: Float[Tensor, "cell channel"]) -> Float[Tensor, "code channel"]:
        """Random vectors of the batch, one for each code; repeated where there are too few."""
        order = torch.randperm(len(vectors), device=vectors.device)
        picked = vectors[order[torch.arange(len(self.codes), device=vectors.device) % len(order)]]
        if dist.is_available() and dist.is_initialized():
            dist.broadcast(picked, 0)  # every process must hold the same codes
        return picked


def _sum_over_processes(total: Tensor) -> None:
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(total)
