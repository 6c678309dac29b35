"""The training-free transition: walk between latents and let the prior repair the middle.

A straight line between two latents leaves the set of images the codec knows, so its middle looks
washed out. Each interpolated latent is therefore noised a little and denoised again under the
condition, and that repair is mixed in, most in the middle and not at all at the ends. All frames
share one noise: what the noise adds stays still from frame to frame.

Source: the round trip is SDEdit, Meng et al., arXiv:2108.01073, at low strength.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Num
from torch import Tensor

from sequela.diffusion import NoiseSource
from sequela.imaging import Composer
from sequela.simulators.editing import Case, Guide

STRENGTH = 0.06  # share of the noise schedule; more smooths the middle of a clip visibly
GUIDANCE_SCALE = 1.0  # the states already carry the condition; more would overshoot them
_NOISE_STEP = 1_000_003  # an address no step of the editor uses


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentTransition:
    """Clips between the neighbouring states of one branch.

    Attributes:
        case: The patient at viewing size.
        guide: The branch's condition.
        latents: `[T, Z, h, w]`, one for each state.
        noise: The one noise all frames share, `[1, Z, h, w]`.
        composer: Puts decoded changes into the picture of viewing size.
    """

    case: Case
    guide: Guide
    latents: Float[Tensor, "state latent h w"]
    noise: Float[Tensor, "1 latent h w"]
    composer: Composer

    @classmethod
    def of(cls, case: Case, guide: Guide, latents: np.ndarray, *, seed: int) -> "LatentTransition":
        """Draw the shared noise and decode the baseline once."""
        states = torch.from_numpy(latents).to(case.posterior.mean)
        shape = tuple(states.shape[1:])
        noise = NoiseSource(seed).normal(shape, sample=0, step=_NOISE_STEP, draw=0)
        composer = Composer.of(
            case.scan.array, case.scan.window, case.fit, case.decode(states[:1])[0]
        )
        return cls(
            case=case, guide=guide, latents=states, noise=noise[None].to(states), composer=composer
        )

    @torch.inference_mode()
    def clip(
        self, number: int, weights: Float[np.ndarray, " frame"]
    ) -> list[Num[np.ndarray, "..."]]:
        """Pictures from state `number` to the next, one for each weight in [0, 1]."""
        first, last = self.latents[number], self.latents[number + 1]
        between = torch.stack([torch.lerp(first, last, float(w)) for w in weights])
        # sin^2 starts and ends flat: a repair that sets in at once would jump at the joins
        depths = torch.from_numpy(np.sin(np.pi * weights) ** 2).to(between).view(-1, 1, 1, 1)
        repaired = torch.cat([self._repaired(z[None]) for z in between])
        repaired = torch.lerp(between, repaired, depths)
        decoded = self.case.decode(repaired)
        return [self.composer.state(image, self.case.effective) for image in decoded]

    def _repaired(self, latents: Float[Tensor, "1 latent h w"]) -> Float[Tensor, "1 latent h w"]:
        """Noised a little and denoised in one step, under the condition."""
        schedule = self.case.backbone.schedule
        timestep = round(STRENGTH * len(schedule))
        noisy = schedule.add_noise(latents, self.noise, timestep)
        output = self.guide.predict(
            self.case.backbone, noisy, timestep, guidance_scale=GUIDANCE_SCALE
        )
        denoised, _ = schedule.split(output, noisy, timestep)
        return denoised
