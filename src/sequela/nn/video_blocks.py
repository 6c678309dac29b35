"""Blocks of a video UNet: the layers of Stable Diffusion frame by frame, and attention along time.

Videos are `[batch, channel, frame, height, width]`. Names of attributes are those of the tensors in
published checkpoints.
"""

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from torch import Tensor, nn

from sequela.nn.temporal import TemporalAttention

Video = Float[Tensor, "batch _ frame _ _"]  # channel, height and width change on the way
Images = Float[Tensor, "image _ _ _"]
Tokens = Float[Tensor, "row token width"]


def as_images(video: Video) -> Images:
    """All frames as one batch of images."""
    return video.transpose(1, 2).flatten(0, 1)


def as_video(images: Images, frames: int) -> Video:
    """The inverse of `as_images`."""
    return torch.as_tensor(images.unflatten(0, (-1, frames))).transpose(1, 2)


class FrameConv(nn.Conv2d):
    """A convolution of each frame on its own."""

    def forward(self, input: Video) -> Video:  # noqa: A002  # torch's name for it
        """The convolved video."""
        return as_video(torch.as_tensor(super().forward(as_images(input))), input.shape[2])


class ResidualBlock(nn.Module):
    """Two convolutions told the noise level; normalised over all frames together."""

    def __init__(self, channels_in: int, channels_out: int, *, time_width: int, groups: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, channels_in, eps=1e-5)
        self.conv1 = FrameConv(channels_in, channels_out, 3, padding=1)
        self.time_emb_proj = nn.Linear(time_width, channels_out)
        self.norm2 = nn.GroupNorm(groups, channels_out, eps=1e-5)
        self.conv2 = FrameConv(channels_out, channels_out, 3, padding=1)
        fits = channels_in == channels_out
        self.conv_shortcut = None if fits else FrameConv(channels_in, channels_out, 1)

    def forward(self, video: Video, time: Float[Tensor, "batch time_width"]) -> Video:
        """The refined features."""
        change = self.conv1(F.silu(self.norm1(video)))
        change = change + self.time_emb_proj(F.silu(time))[:, :, None, None, None]
        change = self.conv2(F.silu(self.norm2(change)))
        shortcut = video if self.conv_shortcut is None else self.conv_shortcut(video)
        return torch.as_tensor(shortcut + change)


class Attention(nn.Module):
    """Attention of tokens to each other, or to those of a text."""

    def __init__(self, width: int, heads: int, *, context_width: int | None = None) -> None:
        super().__init__()
        context_width = context_width or width
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context_width, width, bias=False)
        self.to_v = nn.Linear(context_width, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        self.heads = heads

    def forward(self, tokens: Tokens, context: Float[Tensor, "row _ _"] | None = None) -> Tokens:
        """What each token takes from the context, or from the other tokens."""
        context = tokens if context is None else context
        split = [
            projected.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projected in (self.to_q(tokens), self.to_k(context), self.to_v(context))
        ]
        mixed = F.scaled_dot_product_attention(*split).transpose(1, 2).flatten(-2)
        return torch.as_tensor(self.to_out[0](mixed))


class GatedLinear(nn.Module):
    """A linear layer whose second half gates the first (GEGLU, Shazeer, arXiv:2002.05202)."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width_in, 2 * width_out)

    def forward(self, tokens: Float[Tensor, "row token _"]) -> Float[Tensor, "row token _"]:
        """The gated features."""
        values, gate = self.proj(tokens).chunk(2, dim=-1)
        return torch.as_tensor(values * F.gelu(gate))


class FeedForward(nn.Module):
    """Widened four times, gated and narrowed again."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # The empty place was a dropout: checkpoints count it.
        self.net = nn.Sequential(
            GatedLinear(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: Tokens) -> Tokens:
        """The transformed tokens."""
        return torch.as_tensor(self.net(tokens))


class VideoTransformerBlock(nn.Module):
    """In turn: attention within a frame, to the text, along time, and the feed-forward."""

    def __init__(
        self, width: int, heads: int, *, text_width: int, temporal: TemporalAttention
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.attn2 = Attention(width, heads, context_width=text_width)
        self.norm_temp = nn.LayerNorm(width)
        self.attn_temp = temporal
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)

    def forward(self, tokens: Tokens, text: Float[Tensor, "row _ _"], frames: int) -> Tokens:
        """The refined tokens of all frames, `[batch * frame, pixel, width]`; `text` for each."""
        tokens = tokens + self.attn1(self.norm1(tokens))
        tokens = tokens + self.attn2(self.norm2(tokens), text)
        tokens = tokens + self._along_time(self.norm_temp(tokens), frames)
        return torch.as_tensor(tokens + self.ff(self.norm3(tokens)))

    def _along_time(self, tokens: Tokens, frames: int) -> Tokens:
        by_clip = tokens.unflatten(0, (-1, frames)).transpose(1, 2)  # batch, pixel, frame, width
        mixed = self.attn_temp(by_clip.flatten(0, 1)).unflatten(0, by_clip.shape[:2])
        return torch.as_tensor(mixed).transpose(1, 2).flatten(0, 1)


class VideoTransformer(nn.Module):
    """One transformer block over the pixels of a feature map, added to it."""

    def __init__(self, block: VideoTransformerBlock, width: int, *, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.proj_in = nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([block])
        self.proj_out = nn.Conv2d(width, width, 1)

    def forward(self, video: Video, text: Float[Tensor, "batch _ _"]) -> Video:
        """The refined features; frames are normalised one by one here."""
        frames, height = video.shape[2], video.shape[3]
        images = as_images(video)
        tokens = self.proj_in(self.norm(images)).flatten(2).transpose(1, 2)
        for block in self.transformer_blocks:
            tokens = block(tokens, text.repeat_interleave(frames, dim=0), frames)
        change = self.proj_out(tokens.transpose(1, 2).unflatten(2, (height, -1)))
        return as_video(images + change, frames)


class Downsampler(nn.Module):
    """Half the height and width by a strided convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = FrameConv(width, width, 3, stride=2, padding=1)

    def forward(self, video: Video) -> Video:
        """The smaller video, of as many frames."""
        return torch.as_tensor(self.conv(video))


class Upsampler(nn.Module):
    """Twice the height and width, each pixel repeated, then smoothed by a convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = FrameConv(width, width, 3, padding=1)

    def forward(self, video: Video, size: tuple[int, int]) -> Video:
        """The larger video; `size` is that of the skip it meets, odd sides being halved up."""
        larger = F.interpolate(as_images(video), size=size, mode="nearest")
        return torch.as_tensor(self.conv(as_video(larger, video.shape[2])))
