"""The pseudo-3-D UNet of SEINE: Stable Diffusion's, with attention along time in each transformer.

It reads noisy latents, a mask of what to generate and the latents of what is known, and predicts
the noise.

Source: Chen et al., "SEINE: Short-to-Long Video Diffusion Model for Generative Transition and
Prediction", arXiv:2310.20700; the layout of its published checkpoint.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from torch import Tensor, nn

from sequela.core.checks import check_choice, check_count
from sequela.core.errors import InvalidInputError
from sequela.nn.temporal import RelativeBias, Rotary, TemporalAttention
from sequela.nn.video_blocks import (
    Downsampler,
    FrameConv,
    ResidualBlock,
    Upsampler,
    Video,
    VideoTransformer,
    VideoTransformerBlock,
)

Prediction = Literal["epsilon", "v_prediction"]
Time = Float[Tensor, "batch time_width"]
Text = Float[Tensor, "batch token text_width"]


@dataclass(frozen=True, kw_only=True)
class SeineConfig:
    """Sizes of the network; the defaults are those of the published checkpoint."""

    in_channels: int = 9  # noisy latents 4, mask 1, latents of what is known 4
    out_channels: int = 4
    widths: Sequence[int] = (320, 640, 1280, 1280)  # one stage each, the last without attention
    depth: int = 2  # residual blocks of a stage on the way down; one more on the way up
    heads: int = 8
    text_width: int = 768
    norm_groups: int = 32
    frames: int = 16  # the length it was trained on
    rotary_width: int = 32  # features of each head that turn
    bias_buckets: int = 32
    bias_max_distance: int = 32  # frames from where on all distances share a bucket
    prediction: Prediction = "epsilon"  # `v_prediction`: only where trained so

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))  # JSON knows lists only
        for name in ("depth", "heads", "text_width", "norm_groups", "frames"):
            check_count(name, getattr(self, name))
        check_count("bias_buckets", self.bias_buckets, minimum=4)
        check_choice("prediction", self.prediction, ("epsilon", "v_prediction"))
        if self.in_channels != 2 * self.out_channels + 1:
            raise InvalidInputError(
                "`in_channels` must be twice `out_channels` and one for the mask, got "
                f"{self.in_channels} for {self.out_channels}. The published network has 9 for 4."
            )
        for width in self.widths:
            self._check_width(width)

    def _check_width(self, width: int) -> None:
        if width % self.norm_groups or width % self.heads:
            raise InvalidInputError(
                f"`widths` must be multiples of {self.norm_groups} groups and {self.heads} heads, "
                f"got {self.widths}. The published network has (320, 640, 1280, 1280)."
            )
        if self.rotary_width % 2 or self.rotary_width > width // self.heads:
            raise InvalidInputError(
                f"`rotary_width` must be even and at most the {width // self.heads} features of a "
                f"head, got {self.rotary_width}. The published network has 32."
            )

    @classmethod
    def published(cls) -> "SeineConfig":
        """The network of the published checkpoint: 830 tensors, 909 million elements."""
        return cls()

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `SeineConfig(**values)` makes the same again."""
        return {**asdict(self), "widths": list(self.widths)}


class TimeEmbedding(nn.Module):
    """The noise level as features: waves of the timestep, then two linear layers."""

    def __init__(self, width: int, width_out: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, width_out)
        self.linear_2 = nn.Linear(width_out, width_out)
        self.width = width

    def forward(self, timesteps: Float[Tensor, " batch"]) -> Time:
        """One row for each timestep."""
        waves = timestep_waves(timesteps, self.width).to(self.linear_1.weight.dtype)
        return torch.as_tensor(self.linear_2(F.silu(self.linear_1(waves))))


def timestep_waves(
    timesteps: Float[Tensor, " batch"], width: int
) -> Float[Tensor, "batch wave_width"]:
    """Cosines, then sines, of the timestep at frequencies from 1 down to near 1/10000."""
    half = width // 2
    rising = torch.arange(half, device=timesteps.device, dtype=torch.float32) / half
    angles = timesteps.float()[:, None] * 10000.0**-rising
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class _Parts:
    """Makes the blocks of one network; all its temporal attention shares one rotary table."""

    def __init__(self, config: SeineConfig) -> None:
        self.config = config
        self.rotary = Rotary(config.rotary_width)

    def residual(self, channels_in: int, channels_out: int) -> ResidualBlock:
        config = self.config
        time_width = 4 * config.widths[0]
        return ResidualBlock(
            channels_in, channels_out, time_width=time_width, groups=config.norm_groups
        )

    def transformer(self, width: int) -> VideoTransformer:
        config = self.config
        bias = RelativeBias(
            config.heads, buckets=config.bias_buckets, max_distance=config.bias_max_distance
        )
        temporal = TemporalAttention(width, config.heads, rotary=self.rotary, bias=bias)
        block = VideoTransformerBlock(
            width, config.heads, text_width=config.text_width, temporal=temporal
        )
        return VideoTransformer(block, width, groups=config.norm_groups)


class _Stage(nn.Module):
    """Residual blocks, each followed by a transformer where the stage has them."""

    def __init__(
        self, parts: _Parts, channels: Sequence[tuple[int, int]], *, attends: bool
    ) -> None:
        super().__init__()
        self.resnets = nn.ModuleList(parts.residual(*pair) for pair in channels)
        if attends:
            self.attentions = nn.ModuleList(parts.transformer(pair[1]) for pair in channels)

    def refined(self, index: int, video: Video, time: Time, text: Text) -> Video:
        video = self.resnets[index](video, time)
        if hasattr(self, "attentions"):
            video = self.attentions[index](video, text)
        return video


class _Down(_Stage):
    def __init__(
        self, parts: _Parts, width_in: int, width: int, *, attends: bool, halves: bool
    ) -> None:
        depth = parts.config.depth
        channels = [(width_in if i == 0 else width, width) for i in range(depth)]
        super().__init__(parts, channels, attends=attends)
        self.downsamplers = nn.ModuleList([Downsampler(width)]) if halves else nn.ModuleList()

    def forward(self, video: Video, time: Time, text: Text) -> list[Tensor]:
        """What the way up meets again; the last one goes on down."""
        passed: list[Tensor] = []
        for index in range(len(self.resnets)):
            video = self.refined(index, video, time, text)
            passed.append(video)
        return passed + [downsampler(video) for downsampler in self.downsamplers]


class _Middle(nn.Module):
    def __init__(self, parts: _Parts, width: int) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([parts.transformer(width)])
        self.resnets = nn.ModuleList(parts.residual(width, width) for _ in range(2))

    def forward(self, video: Video, time: Time, text: Text) -> Video:
        video = self.attentions[0](self.resnets[0](video, time), text)
        return torch.as_tensor(self.resnets[1](video, time))


class _Up(_Stage):
    def __init__(
        self, parts: _Parts, width_in: int, width: int, skips: Sequence[int], *, attends: bool
    ) -> None:
        channels = [((width_in if i == 0 else width) + s, width) for i, s in enumerate(skips)]
        super().__init__(parts, channels, attends=attends)
        self.upsamplers = nn.ModuleList()

    def forward(self, video: Video, skips: list[Tensor], time: Time, text: Text) -> Video:
        for index in range(len(self.resnets)):
            video = torch.cat([video, skips.pop()], dim=1)
            video = self.refined(index, video, time, text)
        for upsampler in self.upsamplers:
            height, width = skips[-1].shape[-2:]
            video = upsampler(video, (height, width))
        return video


class SeineUnet(nn.Module):
    """The noise in the latents of a whole clip, given its known frames and a text."""

    def __init__(self, config: SeineConfig) -> None:
        super().__init__()
        self.config = config
        parts, widths = _Parts(config), config.widths
        self.conv_in = FrameConv(config.in_channels, widths[0], 3, padding=1)
        self.time_embedding = TimeEmbedding(widths[0], 4 * widths[0])
        self.down_blocks = nn.ModuleList()
        passed = [widths[0]]  # the width of each skip, in the order the way down leaves them
        for stage, width in enumerate(widths):
            halves = stage < len(widths) - 1
            down = _Down(parts, passed[-1], width, attends=halves, halves=halves)
            self.down_blocks.append(down)
            passed += [width] * (config.depth + halves)
        self.mid_block = _Middle(parts, widths[-1])
        self.up_blocks = nn.ModuleList()
        below = widths[-1]
        for stage, width in enumerate(reversed(widths)):
            skips = [passed.pop() for _ in range(config.depth + 1)]
            up = _Up(parts, below, width, skips, attends=stage > 0)
            if passed:
                up.upsamplers.append(Upsampler(width))
            self.up_blocks.append(up)
            below = width
        self.conv_norm_out = nn.GroupNorm(config.norm_groups, widths[0], eps=1e-5)
        self.conv_out = FrameConv(widths[0], config.out_channels, 3, padding=1)

    def forward(
        self,
        latents: Float[Tensor, "batch in_channel frame height width"],
        timesteps: Float[Tensor, " batch"],
        text: Text,
    ) -> Float[Tensor, "batch out_channel frame height width"]:
        """The predicted noise.

        Args:
            latents: Noisy latents, mask (0 known, 1 to be generated), masked latents.
            timesteps: Of the whole, not the thinned-out, schedule.
            text: The text encoder's last hidden state; it holds for all frames.
        """
        time = self.time_embedding(timesteps)
        video = self.conv_in(latents)
        skips = [video]
        for down in self.down_blocks:
            skips += down(skips[-1], time, text)
        video = self.mid_block(skips[-1], time, text)
        for up in self.up_blocks:
            video = up(video, skips, time, text)
        return torch.as_tensor(self.conv_out(F.silu(self.conv_norm_out(video))))
