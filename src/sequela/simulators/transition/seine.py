"""Transitions drawn by SEINE: a video diffusion model fills the frames between two states.

The network is told which frames are known and what they look like; it does not copy them. The ends
of a drawn clip are therefore near the states, not equal to them, and are pinned afterwards.

Source: Chen et al., "SEINE: Short-to-Long Video Diffusion Model for Generative Transition and
Prediction", arXiv:2310.20700, and its published sampling. Departs from it: seed 0 is a seed; ends
are pinned; any number of frames; few steps of DDIM by default.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from torch import Tensor

from sequela.backbones.seine import SeineBackbone
from sequela.core.checks import check_choice, check_count, check_finite
from sequela.core.errors import GeometryMismatchError, InvalidInputError
from sequela.diffusion import Ancestral, Ddim, even_timesteps, guided
from sequela.simulators.transition.seine_frames import chain, held_ends, unknown_frames

SAMPLERS = ("ddim", "ddpm")
Frames = Float[Tensor, "frame channel height width"]
Ends = Float[Tensor, "2 channel height width"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SeineTransition:
    """Clips between two states.

    Attributes:
        backbone: From `backbones.seine.load_seine`.
        sampler: `ddim` without added noise, or `ddpm`, the published ancestral one.
        num_denoising_steps: 250 as published; 25 to 50 do with `ddim`.
        guidance_scale: Weight of the text.
        negative_text: What the frames are steered away from.
        size: Height and width the network works at; by default those of the states, each brought
            to the nearest multiple of the codec's.
        pin_ends: Whether the ends are the states exactly. What they are off is faded in from the
            ends inwards, so that pinning does not show as a jump.
        progress: Called with (denoising steps done, all of them).
    """

    backbone: SeineBackbone
    sampler: str = "ddim"
    num_denoising_steps: int = 50
    guidance_scale: float = 8.0
    negative_text: str = ""
    size: tuple[int, int] | None = None
    pin_ends: bool = True
    progress: Callable[[int, int], None] | None = None

    def __post_init__(self) -> None:
        check_choice("sampler", self.sampler, SAMPLERS)
        check_finite("guidance_scale", self.guidance_scale, minimum=0, hint="8 is usual.")
        even_timesteps(self.backbone.schedule, self.num_denoising_steps)  # refuses bad numbers
        multiple = self.backbone.pixels_per_latent
        if self.size is not None and any(side < 1 or side % multiple for side in self.size):
            raise InvalidInputError(
                f"`size` must be two multiples of {multiple}, got {self.size}. "
                "The published network was trained at (512, 512) and (320, 512)."
            )

    @property
    def card(self) -> dict[str, Any]:
        """What the record of a run says about the weights."""
        return self.backbone.card

    @classmethod
    def published(cls, backbone: SeineBackbone, **changes: Any) -> "SeineTransition":
        """As the published script samples: 250 ancestral steps at 512 x 512, ends left as drawn."""
        settings = {
            "sampler": "ddpm",
            "num_denoising_steps": 250,
            "size": (512, 512),
            "pin_ends": False,
        }
        return cls(backbone=backbone, **{**settings, **changes})

    def clip(
        self,
        first: Float[np.ndarray, "channel h w"],
        last: Float[np.ndarray, "..."],
        *,
        frames: int = 16,
        text: str,
        seed: int,
    ) -> Float[np.ndarray, "frame channel h w"]:
        """The frames from one state to the next, both counted, in [-1, 1].

        Args:
            first: State in [-1, 1], grey or RGB.
            last: The next state, of equal size.
            frames: 2 to 226 with the published network. It draws 16; fewer are drawn with the ends
                held, more as a coarse clip and finer ones within it.
            text: What happens, such as "smooth transition".
            seed: Whole number >= 0; 0 is one like any other.

        Raises:
            GeometryMismatchError: the states are of different sizes.
            InvalidInputError: they are no grey or RGB images in [-1, 1], or a number is no count.
        """
        _check_states(first, last)
        check_count("seed", seed, minimum=0, hint="Any whole number from 0 up will do.")
        meets = chain(frames, self.backbone.network.config.frames)
        states = np.stack([first, last]).astype(np.float32)
        if frames == 2 and self.pin_ends:
            return states
        drawing = _Drawing(
            self,
            self.backbone.embed([text, self.negative_text]),
            torch.Generator().manual_seed(seed),
            meets,
        )
        video = drawing.clip(self._at_work(states), frames)
        drawn = _matched(_resized(video, (first.shape[1], first.shape[2])).cpu(), len(first))
        return (pinned(drawn, torch.from_numpy(states)) if self.pin_ends else drawn).numpy()

    def _at_work(self, states: Float[np.ndarray, "2 channel h w"]) -> Ends:
        """The states as the codec takes them, stretched to the network's size."""
        images = _matched(torch.from_numpy(states), self.backbone.image_channels)
        multiple = self.backbone.pixels_per_latent
        height, width = self.size or (
            multiple * max(1, round(side / multiple)) for side in states.shape[2:]
        )
        return _resized(images, (height, width)).to(self.backbone.device)


def pinned(
    video: Float[Tensor, "frame channel height width"],
    ends: Float[Tensor, "2 channel height width"],
) -> Float[Tensor, "frame channel height width"]:
    """The video with its ends exactly as given, and the correction faded over the frames between.

    To replace the ends alone would show the codec's loss as a jump beside them.
    """
    ends = ends.to(video)
    weights = torch.linspace(0, 1, len(video)).to(video).view(-1, 1, 1, 1)
    off_first, off_last = ends[0] - video[0], ends[1] - video[-1]
    fitted = (video + (1 - weights) * off_first + weights * off_last).clamp(-1, 1)
    return torch.cat([ends[:1], fitted[1:-1], ends[1:]])


@dataclass
class _Drawing:
    """One call of `clip`: the random numbers are drawn in the order of the published script."""

    settings: SeineTransition
    tokens: Float[Tensor, "2 token width"]
    generator: torch.Generator
    meets: list[tuple[int, int]]
    done: int = field(default=0, init=False)

    def clip(self, ends: Ends, frames: int) -> Frames:
        """Frames of any number; where clips meet, inside, they share a frame."""
        window = self.settings.backbone.network.config.frames
        if frames <= window:
            return self._piece(ends, frames)
        coarse = self._piece(ends, window)
        if self.settings.pin_ends:
            coarse = pinned(coarse, ends)
        long = [coarse[:1]]
        for (start, before), (stop, after) in pairwise(self.meets):
            between = torch.stack([coarse[start], coarse[stop]])
            if after - before == 1:
                long.append(between[1:])
            else:
                long.append(pinned(self._piece(between, after - before + 1), between)[1:])
        return torch.cat(long)

    def _piece(self, ends: Ends, frames: int) -> Frames:
        """2 up to 16 frames, their ends as the network drew them."""
        backbone = self.settings.backbone
        window = backbone.network.config.frames
        first, last = held_ends(frames, window)
        height, width = (side // backbone.pixels_per_latent for side in ends.shape[-2:])
        channels = backbone.network.config.out_channels
        noisy = self._normal((1, channels, window, height, width))
        unknown = unknown_frames(window, first=first, last=last)
        known = torch.cat(
            [
                unknown.to(noisy).view(1, 1, -1, 1, 1).expand(1, 1, -1, height, width),
                self._masked(ends, first, last),
            ],
            dim=1,
        )
        latents = self._denoised(noisy, known)
        kept = latents[0].transpose(0, 1)[first - 1 : window - last + 1]
        return backbone.decode(kept).clamp(-1, 1)

    def _masked(self, ends: Ends, first: int, last: int) -> Float[Tensor, "1 latent frame h w"]:
        """Latents of the known frames and, for each unknown one, of mid grey."""
        backbone = self.settings.backbone
        grey = torch.zeros_like(ends[:1])
        posterior = backbone.encode(torch.cat([ends, grey]))
        middle = backbone.network.config.frames - first - last
        shown = [0] * first + [2] * middle + [1] * last  # grey is encoded once for all frames
        mean, std = posterior.mean[shown], posterior.std[shown]
        sampled = mean + std * self._normal(tuple(mean.shape))
        return sampled.transpose(0, 1)[None]

    def _denoised(
        self,
        noisy: Float[Tensor, "1 latent frame h w"],
        known: Float[Tensor, "1 known frame h w"],
    ) -> Float[Tensor, "1 latent frame h w"]:
        settings, schedule = self.settings, self.settings.backbone.schedule
        timesteps = even_timesteps(schedule, settings.num_denoising_steps)
        ancestral = Ancestral.of(schedule, timesteps)
        ddim = Ddim().start(schedule, timesteps)
        for index, timestep in enumerate(timesteps):
            predicted = self._predicted(noisy, known, timestep)
            if settings.sampler == "ddim":
                noisy = ddim.step(predicted, noisy, index)
            else:
                # The published batch is doubled for guidance; the noise of its second half is lost.
                noise = self._normal((2, *noisy.shape[1:]))[:1]
                noisy = ancestral.step(predicted, noisy, index, noise=noise)
            self._report()
        return noisy

    def _predicted(self, noisy: Tensor, known: Tensor, timestep: int) -> Tensor:
        """The guided noise; mask and masked latents are there with and without the text."""
        seen = torch.cat([noisy, known], dim=1).expand(2, -1, -1, -1, -1)
        with_text, without = self.settings.backbone.denoise(seen, timestep, self.tokens).split(1)
        return guided(without, [with_text], [1.0], [None], self.settings.guidance_scale)

    def _normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=self.generator).to(self.settings.backbone.device)

    def _report(self) -> None:
        self.done += 1
        if self.settings.progress is not None:
            finer = sum(b[1] - a[1] > 1 for a, b in pairwise(self.meets))
            pieces = finer + 1 if len(self.meets) > 2 else 1
            self.settings.progress(self.done, pieces * self.settings.num_denoising_steps)


def _matched(images: Frames, channels: int) -> Float[Tensor, "frame wanted h w"]:
    """Grey to RGB by repeating, RGB to grey by the mean."""
    if channels == 1:
        return images.mean(1, keepdim=True)
    return images.expand(-1, channels, -1, -1)


def _resized(images: Frames, size: tuple[int, int]) -> Float[Tensor, "frame channel _ _"]:
    if images.shape[-2:] == size:
        return images
    return F.interpolate(images, size, mode="bilinear", align_corners=False)


def _check_states(first: Float[np.ndarray, "channel h w"], last: Float[np.ndarray, "..."]) -> None:
    if first.shape != last.shape:
        raise GeometryMismatchError(
            f"`first` and `last` must be of equal size, got {first.shape} and {last.shape}. "
            "Bring one onto the other's grid."
        )
    if len(first) not in (1, 3):
        raise InvalidInputError(
            f"`first` must have 1 or 3 channels, first of its axes, got {first.shape}. "
            "Convert it to grey or RGB."
        )
    for name, state in (("first", first), ("last", last)):
        low, high = float(state.min()), float(state.max())
        if not (low >= -1 and high <= 1):  # nan fails every comparison
            raise InvalidInputError(
                f"`{name}` must lie in [-1, 1], got {low:g} to {high:g}. Scale or clip it first."
            )
