"""The network that forecasts NET2 masks: an encoder once a patient, a denoiser once a sample.

Diffusion runs in voxel space on the signed mask (-1 nothing, 1 lesion). Each voxel has but two
clean values, so what the noisy one says about it is known exactly: the evidence. The network only
learns the rest: where lesions are likely in this patient (the base map), and what the other voxels
say (the context). It begins as lesions scattered over the prior map, and is never less.

The denoiser sees blocks of voxels as one place with many channels: 32 samples of a patient stay
affordable on a CPU.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  # the name everybody knows it by
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from sequela.simulators.lesions.burden import BURDEN_NUMBERS
from sequela.simulators.lesions.config import ForecastConfig
from sequela.simulators.lesions.count_head import CountHead
from sequela.simulators.lesions.places import PRIOR_SCALE
from sequela.simulators.lesions.prepare import SEQUENCES
from sequela.simulators.lesions.question import NUMBERS, treatments

Features = Float[Tensor, "batch width d h w"]
Volume = Float[Tensor, "batch 1 depth height width"]
_GROUPS = 8
NOWHERE = -30.0  # log chance where no lesion can come
_LARGEST_PRIOR = -0.5  # log chance of a voxel before any evidence
_VOXELS_OF_A_LESION = 2.5  # to begin with
_SHOWN = 8.0  # log odds are shown to the network over this
# images, lesions, brain, place in the atlas (along d, along h, from the midline), the prior map,
# and how dense old lesions are around
SEEN_CHANNELS = len(SEQUENCES) + 2 + 3 + 2
PRIOR_CHANNEL = len(SEQUENCES) + 5
TOLD_NUMBERS = NUMBERS + BURDEN_NUMBERS


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """What is known of patients, place by place.

    Attributes:
        features: Of the denoiser's places.
        base: Log chance that a lesion voxel is this one; sums to 1 over each patient.
    """

    features: Features
    base: Volume

    def repeated(self, times: int) -> "Known":
        """Each patient so many times, one after the other."""
        return Known(
            features=self.features.repeat_interleave(times, 0),
            base=self.base.repeat_interleave(times, 0),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """What is asked, and what the forms say.

    Attributes:
        treatment: Index into `treatments()`.
        numbers: Of the question, then of the burden.
    """

    treatment: Int[Tensor, " batch"]
    numbers: Float[Tensor, "batch number"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    """How much noise there is.

    Attributes:
        signal: Factor of the clean mask.
        noise: Standard deviation of the noise.
        share: Timestep as a share of the schedule, [0, 1].
    """

    signal: Float[Tensor, " batch"]
    noise: Float[Tensor, " batch"]
    share: Float[Tensor, " batch"]


class LesionForecaster(nn.Module):
    """How likely each voxel is a lesion, given a noisy mask, a patient, a question, a count."""

    def __init__(self, config: ForecastConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.condition = Condition(config)
        self.counts = CountHead(TOLD_NUMBERS, config.count_width)
        voxels = config.patch_voxels
        self.log_size = nn.Parameter(torch.tensor(math.log(_VOXELS_OF_A_LESION)))
        self.enter = nn.Conv3d(2 * voxels + config.width, config.width, 1)
        self.blocks = nn.ModuleList(
            Block(config.width, config.condition_width) for _ in range(config.depth)
        )
        self.near = Near(config)
        self.leave = nn.Conv3d(config.width, voxels, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def encode(
        self,
        seen: Float[Tensor, "batch seen depth height width"],
        present: Float[Tensor, "batch 5"],
        free: Bool[Tensor, "batch 1 depth height width"],
    ) -> Known:
        """What is known of patients; run once for all samples.

        Args:
            seen: Channels of `seen_channels`.
            present: Which sequences are there.
            free: Voxels where a lesion may come.
        """
        features, raw = self.encoder(seen, present)
        base, share = _shares(raw, free), self.config.prior_share
        if share:
            prior = _shares(prior_of(seen), free)
            base = torch.logaddexp(base + math.log1p(-share), prior + math.log(share))
        return Known(features=features, base=torch.where(free, base, NOWHERE))

    def forward(
        self, noisy: Volume, level: Level, known: Known, told: Told, count: Float[Tensor, " batch"]
    ) -> Volume:
        """Log odds of each voxel to be a lesion.

        Args:
            noisy: Signed mask with noise.
            level: How much of it.
            known: From `encode`.
            told: Treatment, horizon and covariates.
            count: Lesions that there shall be.
        """
        wide = (slice(None), None, None, None, None)
        prior = known.base + (count.clamp(min=0.5).log() + self.log_size)[wide]
        evidence = noisy * (2 * level.signal / level.noise.square())[wide]
        odds = prior.clamp(max=_LARGEST_PRIOR) + evidence
        chance = odds.sigmoid()
        visible = chance.sum((1, 2, 3, 4)) / self.log_size.exp()
        tally = torch.stack([(count + 0.5).log(), ((visible + 0.5) / (count + 0.5)).log()], 1)
        condition = self.condition(level.share, told, tally)
        shown = torch.cat(
            [
                to_patches(chance, self.config.patch),
                to_patches((odds / _SHOWN).clamp(-2, 2), self.config.patch),
                known.features,
            ],
            1,
        )
        hidden = self.enter(shown)
        for block in self.blocks:
            hidden = block(hidden, condition)
        context = from_patches(self.leave(F.silu(hidden)), self.config.patch)
        context = context + self.near(chance, odds, condition)
        return torch.where(known.base > NOWHERE, odds + context, NOWHERE)


class Near(nn.Module):
    """What the voxels around say: a lesion is seldom one voxel. The same all over the brain."""

    def __init__(self, config: ForecastConfig) -> None:
        super().__init__()
        width = config.near_width
        self.first = nn.Conv3d(2, width, 3, padding=1)
        self.film = nn.Linear(config.condition_width, 2 * width)
        self.second = nn.Conv3d(width, 1, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, chance: Volume, odds: Volume, condition: Tensor) -> Volume:
        """What is added to the log odds of each voxel."""
        hidden = self.first(torch.cat([chance, (odds / _SHOWN).clamp(-2, 2)], 1))
        scale, shift = self.film(condition)[:, :, None, None, None].chunk(2, 1)
        added: Tensor = self.second(F.silu(hidden * (1 + scale) + shift))
        return added


class Encoder(nn.Module):
    """Images and masks to features of the denoiser's places, and to the base map."""

    def __init__(self, config: ForecastConfig) -> None:
        super().__init__()
        narrow, self.patch = config.image_width, config.patch
        self.first = nn.Conv3d(SEEN_CHANNELS, narrow, (1, 3, 3), padding=(0, 1, 1))
        self.second = nn.Conv3d(narrow, narrow, 3, padding=1)
        self.pool = nn.Conv3d(narrow, config.width, config.patch, stride=config.patch)
        self.present = nn.Linear(len(SEQUENCES), config.condition_width)
        self.blocks = nn.ModuleList(Block(config.width, config.condition_width) for _ in range(2))
        self.whole = nn.Linear(config.width, config.width)
        self.fine = nn.Conv3d(narrow, 1, 1)
        self.coarse = nn.Conv3d(config.width, config.patch_voxels, 1)
        for last in (self.fine, self.coarse):
            nn.init.zeros_(last.weight)

    def forward(self, seen: Tensor, present: Tensor) -> tuple[Features, Volume]:
        """Features of each place, and unnormalised log chances: the prior map and more."""
        detail = F.silu(self.second(F.silu(self.first(seen))))
        hidden = self.pool(detail)
        flags = self.present(present)
        for block in self.blocks:
            hidden = block(hidden, flags)
        hidden = hidden + self.whole(hidden.mean((2, 3, 4)))[:, :, None, None, None]
        added = self.fine(detail) + from_patches(self.coarse(F.silu(hidden)), self.patch)
        return hidden, prior_of(seen) + added


class Condition(nn.Module):
    """Noise level, treatment, numbers and the tally of lesions as one vector."""

    def __init__(self, config: ForecastConfig) -> None:
        super().__init__()
        width = config.condition_width
        self.frequencies: Tensor
        scales = torch.exp(torch.linspace(0, math.log(30.0), 8)) * math.pi
        self.register_buffer("frequencies", scales)
        self.time = nn.Linear(16, width)
        self.treatment = nn.Embedding(len(treatments()), width)
        self.numbers = nn.Linear(TOLD_NUMBERS + 2, width)
        self.mix = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU())

    def forward(self, time: Tensor, told: Told, tally: Tensor) -> Tensor:
        """One row a forecast."""
        angles = time[:, None] * self.frequencies
        waves = torch.cat([angles.sin(), angles.cos()], 1)
        numbers = self.numbers(torch.cat([told.numbers, tally], 1))
        mixed: Tensor = self.mix(self.time(waves) + self.treatment(told.treatment) + numbers)
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


def prior_of(seen: Tensor) -> Volume:
    """Log chances by the prior map, not scaled to any sum."""
    return PRIOR_SCALE * seen[:, PRIOR_CHANNEL : PRIOR_CHANNEL + 1]


def _shares(raw: Volume, free: Tensor) -> Volume:
    """Log chances that sum to 1 over each patient's free voxels."""
    raw = torch.where(free, raw, NOWHERE)
    return raw - raw.flatten(1).logsumexp(1)[:, None, None, None, None]


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
