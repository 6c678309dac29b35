"""Attention along time: each pixel looks at itself in the other frames of a clip.

Sources: Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding",
arXiv:2104.09864, equation (34); Raffel et al., "Exploring the Limits of Transfer Learning",
arXiv:1910.10683, section 2.1 (bucketed relative positions).
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

_BASE = 10000.0  # of the rotary frequencies


def rotary_frequencies(width: int) -> Float[Tensor, " pair"]:
    """Radians a frame by which each pair of features turns, from 1 down to near 1/10000."""
    return _BASE ** (-torch.arange(0, width, 2, dtype=torch.float64) / width).float()


def rotated(
    features: Float[Tensor, "*rows frame feature"], frequencies: Float[Tensor, " pair"]
) -> Float[Tensor, "*rows frame feature"]:
    """Features with the first pairs (2i, 2i+1) turned by frame index times frequency.

    Args:
        features: Queries or keys of one head.
        frequencies: As many as pairs turn; what is beyond them stays as it is.
    """
    turning = 2 * len(frequencies)
    frames = torch.arange(features.shape[-2], device=features.device, dtype=torch.float32)
    angles = frames[:, None] * frequencies.to(features.device, torch.float32)
    cos, sin = angles.cos().to(features.dtype), angles.sin().to(features.dtype)
    even, odd = features[..., 0:turning:2], features[..., 1:turning:2]
    pairs = torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1)
    return torch.cat([pairs.flatten(-2), features[..., turning:]], dim=-1)


def position_buckets(
    distance: Int[Tensor, "*shape"], *, buckets: int, max_distance: int
) -> Int[Tensor, "*shape"]:
    """Which row of a bias table a distance (key minus query) reads.

    The upper half of the rows is for later keys. In each half the near distances have a row of
    their own, the far ones share rows that widen by powers up to `max_distance`.
    """
    half = buckets // 2
    exact = half // 2
    size = distance.abs()
    far = torch.log(size.clamp(min=exact).double() / exact) / math.log(max_distance / exact)
    shared = (exact + (far * (half - exact)).long()).clamp(max=half - 1)
    return torch.where(size < exact, size, shared) + half * (distance > 0)


class Rotary(nn.Module):
    """The frequencies of a rotary embedding, kept with the weights though never trained."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.freqs = nn.Parameter(rotary_frequencies(width), requires_grad=False)

    def forward(
        self, features: Float[Tensor, "*rows frame feature"]
    ) -> Float[Tensor, "*rows frame feature"]:
        """See `rotated`."""
        return rotated(features, self.freqs)


class RelativeBias(nn.Module):
    """A learned bias for each head and each bucket of distance in time."""

    def __init__(self, heads: int, *, buckets: int, max_distance: int) -> None:
        super().__init__()
        self.relative_attention_bias = nn.Embedding(buckets, heads)
        self.buckets, self.max_distance = buckets, max_distance

    def forward(self, frames: int) -> Float[Tensor, "head frame frame"]:
        """What is added to the scores of queries (rows) and keys (columns)."""
        table = self.relative_attention_bias.weight
        index = torch.arange(frames, device=table.device)
        rows = position_buckets(
            index[None] - index[:, None], buckets=self.buckets, max_distance=self.max_distance
        )
        return torch.as_tensor(self.relative_attention_bias(rows)).permute(2, 0, 1)


class TemporalAttention(nn.Module):
    """Self-attention over the frames of each pixel, with rotary and bucketed positions."""

    def __init__(self, width: int, heads: int, *, rotary: Rotary, bias: RelativeBias) -> None:
        super().__init__()
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(width, width, bias=False)
        self.to_v = nn.Linear(width, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        self.time_rel_pos_bias = bias
        self.rotary_emb = rotary
        self.heads = heads

    def forward(
        self, tokens: Float[Tensor, "pixel frame width"]
    ) -> Float[Tensor, "pixel frame width"]:
        """What each pixel takes from its other frames."""
        queries, keys, values = (
            to(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for to in (self.to_q, self.to_k, self.to_v)
        )
        # Scaled before it is turned: the order in which half precision was rounded in training.
        queries = self.rotary_emb(queries * queries.shape[-1] ** -0.5)
        scores = queries @ self.rotary_emb(keys).transpose(-1, -2)
        shares = (scores + self.time_rel_pos_bias(tokens.shape[1])).softmax(dim=-1)
        mixed = (shares @ values).transpose(1, 2).flatten(-2)
        return torch.as_tensor(self.to_out[0](mixed))
