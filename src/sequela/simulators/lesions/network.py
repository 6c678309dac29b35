"""The network that forecasts NET2 masks: an encoder once a patient, a denoiser once a sample.

Diffusion runs in voxel space on the signed mask (-1 nothing, 1 lesion), but the denoiser sees
blocks of voxels as one place with many channels: 32 samples of a patient stay affordable on a CPU.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812  # the name everybody knows it by
from jaxtyping import Float, Int
from torch import Tensor, nn

from sequela.simulators.lesions.config import ForecastConfig
from sequela.simulators.lesions.prepare import SEQUENCES
from sequela.simulators.lesions.question import NUMBERS, treatments

Features = Float[Tensor, "batch width d h w"]
Volume = Float[Tensor, "batch 1 depth height width"]
_GROUPS = 8
# images, lesions, brain, and where a voxel is: along d, along h, from the midline
SEEN_CHANNELS = len(SEQUENCES) + 2 + 3


class LesionForecaster(nn.Module):
    """What a noisy mask looked like without noise, for a patient, a treatment and a horizon."""

    def __init__(self, config: ForecastConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.condition = Condition(config)
        voxels = config.patch_voxels
        self.enter = nn.Conv3d(voxels + config.width, config.width, 1)
        self.blocks = nn.ModuleList(
            Block(config.width, config.condition_width) for _ in range(config.depth)
        )
        self.leave = nn.Conv3d(config.width, voxels, 1)
        nn.init.zeros_(self.leave.weight)
        if self.leave.bias is not None:  # lesions are rare: begin with nothing nearly everywhere
            nn.init.constant_(self.leave.bias, -2.0)

    def encode(
        self,
        seen: Float[Tensor, "batch seen depth height width"],
        present: Float[Tensor, "batch 5"],
    ) -> Features:
        """What is known of the patient, place by place; run once for all samples."""
        features: Tensor = self.encoder(seen, present)
        return features

    def forward(
        self,
        noisy: Volume,
        features: Features,
        time: Float[Tensor, " batch"],
        treatment: Int[Tensor, " batch"],
        numbers: Float[Tensor, "batch number"],
    ) -> Volume:
        """The denoised mask in [-1, 1].

        Args:
            noisy: Signed mask with noise.
            features: From `encode`.
            time: Timestep as a share of the schedule, [0, 1].
            treatment: Index into `treatments()`.
            numbers: Of the question: horizon and covariates.
        """
        condition = self.condition(time, treatment, numbers)
        hidden = self.enter(torch.cat([to_patches(noisy, self.config.patch), features], 1))
        for block in self.blocks:
            hidden = block(hidden, condition)
        return torch.tanh(from_patches(self.leave(F.silu(hidden)), self.config.patch))


class Encoder(nn.Module):
    """Images and masks to features of the denoiser's places."""

    def __init__(self, config: ForecastConfig) -> None:
        super().__init__()
        narrow = config.image_width
        self.first = nn.Conv3d(SEEN_CHANNELS, narrow, (1, 3, 3), padding=(0, 1, 1))
        self.second = nn.Conv3d(narrow, narrow, 3, padding=1)
        self.pool = nn.Conv3d(narrow, config.width, config.patch, stride=config.patch)
        self.present = nn.Linear(len(SEQUENCES), config.condition_width)
        self.blocks = nn.ModuleList(Block(config.width, config.condition_width) for _ in range(2))
        self.whole = nn.Linear(config.width, config.width)

    def forward(self, seen: Tensor, present: Tensor) -> Features:
        """Features of each place, to which those of the whole brain are added."""
        hidden = F.silu(self.first(seen))
        hidden = self.pool(F.silu(self.second(hidden)))
        flags = self.present(present)
        for block in self.blocks:
            hidden = block(hidden, flags)
        whole: Tensor = self.whole(hidden.mean((2, 3, 4)))[:, :, None, None, None]
        summed: Tensor = hidden + whole
        return summed


class Condition(nn.Module):
    """Noise level, treatment and numbers as one vector."""

    def __init__(self, config: ForecastConfig) -> None:
        super().__init__()
        width = config.condition_width
        self.frequencies: Tensor
        scales = torch.exp(torch.linspace(0, math.log(200.0), 16)) * math.pi
        self.register_buffer("frequencies", scales)
        self.time = nn.Linear(32, width)
        self.treatment = nn.Embedding(len(treatments()), width)
        self.numbers = nn.Linear(NUMBERS, width)
        self.mix = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU())

    def forward(self, time: Tensor, treatment: Tensor, numbers: Tensor) -> Tensor:
        """One row a forecast."""
        angles = time[:, None] * self.frequencies
        waves = torch.cat([angles.sin(), angles.cos()], 1)
        mixed: Tensor = self.mix(
            self.time(waves) + self.treatment(treatment) + self.numbers(numbers)
        )
        return mixed


class Block(nn.Module):
    """Two convolutions around a channel-wise scale and shift by the condition."""

    def __init__(self, width: int, condition_width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(math.gcd(_GROUPS, width), width)
        self.around = nn.Conv3d(width, width, 3, padding=1)
        self.film = nn.Linear(condition_width, 2 * width)
        self.across = nn.Conv3d(width, width, 1)
        nn.init.zeros_(self.across.weight)

    def forward(self, hidden: Features, condition: Float[Tensor, "batch condition"]) -> Features:
        """The features with what the block adds."""
        scale, shift = self.film(condition)[:, :, None, None, None].chunk(2, 1)
        changed = self.around(F.silu(self.norm(hidden)))
        added: Tensor = self.across(F.silu(changed * (1 + scale) + shift))
        return hidden + added


def to_patches(volume: Tensor, patch: tuple[int, int, int]) -> Tensor:
    """Blocks of voxels to channels."""
    batch, _, d, h, w = volume.shape
    a, b, c = patch
    split = volume.reshape(batch, d // a, a, h // b, b, w // c, c)
    return split.permute(0, 2, 4, 6, 1, 3, 5).reshape(batch, a * b * c, d // a, h // b, w // c)


def from_patches(channels: Tensor, patch: tuple[int, int, int]) -> Tensor:
    """Channels back to blocks of voxels."""
    batch, _, d, h, w = channels.shape
    a, b, c = patch
    split = channels.reshape(batch, a, b, c, d, h, w).permute(0, 4, 1, 5, 2, 6, 3)
    return split.reshape(batch, 1, d * a, h * b, w * c)
