"""The latent transition: content carried along its flow, repaired by a prior where it was torn.

A morph is sharp but knows no anatomy; a straight line between two latents knows anatomy but is
washed out. So each frame of the morph is encoded, noised a little and denoised again under the
condition, and the change is taken where both states tell the frame differently: beside a border
that moved, where something was bared or covered, where nothing matched. Where they agree there is
nothing to repair, and detail the codec cannot hold stays. What the prior would change in the states
themselves is known from them, carried along the same flow and taken off, so that clips begin and
end without a jump. All frames share one noise: what it adds stays still.

Source: the repair is SDEdit, Meng et al., arXiv:2108.01073, at low strength, in one step.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequela.core.checks import check_positive, check_share
from sequela.diffusion import Backbone, NoiseSource
from sequela.imaging import Fit, Morph, match_channels
from sequela.simulators.editing import Guide
from sequela.simulators.transition.engine import Clip, Continuous, Picture, Weights

GUIDANCE_SCALE = 1.0  # the states already carry the condition; more would overshoot them
_NOTHING = 0.01  # share of a repair that nobody would see
_NOISE_STEP = 1_000_003  # an address no step of the editor uses


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentMorph(Continuous):
    """Clips between any two pictures that a backbone can encode.

    Attributes:
        backbone: The diffusion prior.
        guide: A run's condition; None embeds the text that comes with each clip.
        size: Side of the square it works at; None is its own.
        strength: Share of the noise schedule, [0, 1]; 0 leaves the morph as it is.
        tolerance: Difference of what both states tell, on the scale from -1 to 1, at which half the
            repair is taken.
    """

    backbone: Backbone
    guide: Guide | None = None
    size: int | None = None
    # both chosen on drawn progressions with seeds from 100 up
    strength: float = 0.1
    tolerance: float = 0.3

    def __post_init__(self) -> None:
        check_share("strength", self.strength, hint="0 leaves the morph as it is.")
        check_positive("tolerance", self.tolerance)

    def clip(self, first: Picture, last: Picture, *, frames: int, text: str, seed: int) -> Clip:
        """Frames at an even pace: between any two of them equally much changes."""
        morph = Morph.of(first, last)
        return self._drawn(morph, morph.paced(frames), text=text, seed=seed)

    def between(
        self, first: Picture, last: Picture, *, weights: Weights, text: str, seed: int
    ) -> Clip:
        """One frame for each weight, repaired under the guide, or else under the text."""
        return self._drawn(Morph.of(first, last), weights, text=text, seed=seed)

    @torch.inference_mode()
    def _drawn(self, morph: Morph, weights: Weights, *, text: str, seed: int) -> Clip:
        if self.strength == 0:
            return morph.frames(weights)
        repair = _Repair(self, self.guide or self._guide(text), seed)
        of_first, of_last = repair(morph.first), repair(morph.last)
        frames = []
        for weight in (float(w) for w in weights):
            frame = morph.at(weight)
            share = self._share(morph, weight)
            if 0 < weight < 1 and share.max() > _NOTHING:
                change = repair(frame) - morph.carrying(of_first, of_last, weight)
                frame = frame + share * change
            frames.append(frame)
        return np.asarray(np.clip(np.stack(frames), -1, 1))

    def _share(self, morph: Morph, weight: float) -> Float[np.ndarray, "height width"]:
        """How much of the repair is taken at each pixel."""
        apart = morph.disagreement(weight) ** 2
        return np.asarray(apart / (apart + np.float32(self.tolerance) ** 2))

    def _guide(self, text: str) -> Guide:
        return Guide(embedding=self.backbone.embed(["", text]), weights=(1.0,), masks=(None,))


@dataclass(frozen=True)
class _Repair:
    """What the prior would change in a picture, with the noise that all of a clip share."""

    settings: LatentMorph
    guide: Guide
    seed: int

    def __call__(self, picture: Picture) -> Picture:
        backbone = self.settings.backbone
        side = self.settings.size or backbone.image_size
        fit = Fit.of((picture.shape[1], picture.shape[2]), side)
        square = fit.forward(match_channels(picture, backbone.image_channels))
        batch = torch.from_numpy(square.copy())[None].to(backbone.device)
        latents = backbone.encode(batch).mean
        change = backbone.decode(self._denoised(latents)) - backbone.decode(latents)
        return match_channels(fit.back(change[0].float().cpu().numpy()), len(picture))

    def _denoised(self, latents: Float[Tensor, "1 latent h w"]) -> Float[Tensor, "1 latent h w"]:
        """Noised a little and denoised in one step, under the condition."""
        backbone = self.settings.backbone
        schedule = backbone.schedule
        timestep = min(round(self.settings.strength * len(schedule)), len(schedule) - 1)
        shape = tuple(latents.shape[1:])
        noise = NoiseSource(self.seed).normal(shape, sample=0, step=_NOISE_STEP, draw=0)
        noisy = schedule.add_noise(latents, noise[None].to(latents), timestep)
        output = self.guide.predict(backbone, noisy, timestep, guidance_scale=GUIDANCE_SCALE)
        return schedule.split(output, noisy, timestep)[0]
