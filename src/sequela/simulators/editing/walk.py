"""Progressive editing in latent space: walk a baseline towards a described disease state.

Every step rolls the latents back towards noise, lets a diffusion prior denoise them under the
condition, and keeps most of that change inside the region and almost none outside, so the anatomy
stays the subject's. Whatever is kept is measured from the baseline, never from the last state: what
leaks outside the region would otherwise compound from step to step.

Source: Liang et al., arXiv:2309.11745, equations (5) and (6), and the published pipeline.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from sequela.diffusion import Backbone, Posterior, TextEmbedding, guided, invert, solver_named
from sequela.simulators.editing.config import ProgressiveEditing

Latents = Float[Tensor, "batch latent height width"]
SoftMask = Float[Tensor, "#batch 1 height width"]


@runtime_checkable
class Noise(Protocol):
    """Where normal noise comes from; see `sequela.diffusion.NoiseSource`."""

    def normal(self, shape: Sequence[int], *, sample: int, step: int, draw: int) -> Tensor:
        """Standard normal values for one address."""
        ...


# Addresses of the six draws of a step, in the order of the published code; others use the second.
_STATE_POSTERIOR, _FORWARD, _BASELINE_POSTERIOR, _UNUSED, _HELD_POSTERIOR, _HELD_FORWARD = range(6)


@dataclass(frozen=True, kw_only=True, eq=False)
class Guide:
    """What to steer towards and away from.

    Attributes:
        embedding: The negative prompt first, then one text for each finding.
        weights: One for each finding.
        masks: On the latents' grid, one for each finding; None means everywhere.
    """

    embedding: TextEmbedding
    weights: tuple[float, ...]
    masks: tuple[SoftMask | None, ...]

    def predict(
        self, backbone: Backbone, noisy: Latents, timestep: int, *, guidance_scale: float
    ) -> Latents:
        """The network's output under guidance; no text is asked whose answer would cancel."""
        is_plain = self.weights == (1.0,) and self.masks == (None,)
        if guidance_scale == 0 or (guidance_scale == 1 and is_plain):
            return backbone.denoise(noisy, timestep, self.text(int(guidance_scale), len(noisy)))
        plain, *towards = self.outputs(backbone, noisy, timestep)
        return guided(plain, towards, self.weights, self.masks, guidance_scale)

    def outputs(self, backbone: Backbone, noisy: Latents, timestep: int) -> tuple[Latents, ...]:
        """The network's output for each text, the negative prompt first, from one batch."""
        texts = 1 + len(self.weights)
        each = [text for text in range(texts) for _ in range(len(noisy))]
        embedding = self.embedding.select(each)
        output = backbone.denoise(noisy.repeat(texts, 1, 1, 1), timestep, embedding)
        return output.chunk(texts)

    def text(self, index: int, batch: int) -> TextEmbedding:
        """One text for a whole batch; 0 is the negative prompt."""
        return self.embedding.select([index] * batch)


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """One batch of samples of one patient.

    Attributes:
        backbone: The diffusion prior.
        settings: How to walk.
        guide: What to walk towards.
        region: Soft mask on the latents' grid, or None for the whole image.
        noise: Source of all noise.
        samples: Index of each sample in the batch.
    """

    backbone: Backbone
    settings: ProgressiveEditing
    guide: Guide
    region: SoftMask | None
    noise: Noise
    samples: tuple[int, ...]

    @torch.inference_mode()
    def states(
        self, baseline: Posterior, *, start: Latents | None = None, first_step: int = 1
    ) -> Iterator[Latents]:
        """Yield the latents of each state, the one it starts from first.

        Args:
            baseline: The patient's encoded image, repeated for each sample.
            start: Latents to go on from; None starts at the baseline.
            first_step: Number of the first step; with the same number it draws the same noise.
        """
        state = baseline.mean if start is None else start
        yield state
        for step in range(first_step, self.settings.num_steps + 1):
            is_baseline = start is None and step == first_step
            state = self._step(None if is_baseline else state, baseline, step)
            yield state

    def _step(self, state: Latents | None, baseline: Posterior, step: int) -> Latents:
        entering = self._hand_over(state, baseline, step)
        reference = self._draw_posterior(baseline, step, _BASELINE_POSTERIOR)
        edited = self._edit(entering, baseline, reference, step)
        if self.region is None and not self.settings.damp_without_region:
            return edited
        region = 1.0 if self.region is None else self.region
        outside = self.settings.keep_outside
        keep = outside + (self.settings.keep_inside - outside) * region
        return reference + keep * (edited - reference)

    def _hand_over(self, state: Latents | None, baseline: Posterior, step: int) -> Latents:
        """What the last state hands to this step; None stands for the baseline itself."""
        if state is None:
            return self._draw_posterior(baseline, step, _STATE_POSTERIOR)
        if self.settings.hand_over == "latent":
            return state
        image = self.backbone.decode(state).clamp(-1, 1)
        if self.settings.hand_over == "8-bit":
            image = ((image / 2 + 0.5) * 255).round() / 127.5 - 1
        return self._draw_posterior(self.backbone.encode(image), step, _STATE_POSTERIOR)

    def _edit(
        self, entering: Latents, baseline: Posterior, reference: Latents, step: int
    ) -> Latents:
        schedule = self.backbone.schedule
        solver = solver_named(self.settings.solver)
        timesteps = solver.timesteps(
            schedule, self.settings.num_denoising_steps, self.settings.strength
        )
        noise = self._roll_back_noise(entering, timesteps, step)
        held = self._held(baseline, reference, noise, step)
        noisy = schedule.add_noise(entering, noise, timesteps[0])
        stepper = solver.start(schedule, timesteps)
        guidance = _Guidance(self.guide, self.backbone, self.settings)
        for index, timestep in enumerate(timesteps):
            if held is not None and self.region is not None and index > 0:
                outside = schedule.add_noise(*held, timestep)
                noisy = outside * (1 - self.region) + noisy * self.region
            noisy = stepper.step(guidance.predict(noisy, timestep), noisy, index)
        return noisy

    def _roll_back_noise(self, entering: Latents, timesteps: list[int], step: int) -> Tensor:
        """The noise that rolls latents back: drawn, or the one that leads back to them."""
        if self.settings.roll_back == "noise":
            return self._normal(entering, step, _FORWARD)
        schedule, plain = self.backbone.schedule, self.guide.text(0, len(entering))
        noisiest = invert(
            entering, schedule, timesteps, lambda z, t: self.backbone.denoise(z, t, plain)
        )[0]
        signal, deviation = schedule.at(timesteps[0])
        found = (noisiest - signal * entering) / deviation
        if step > 1:
            return found
        share, drawn = self.settings.fresh_noise, self._normal(entering, step, _FORWARD)
        mixed: Tensor = (1 - share) ** 0.5 * found + share**0.5 * drawn
        return mixed

    def _held(
        self, baseline: Posterior, reference: Latents, noise: Tensor, step: int
    ) -> tuple[Latents, Tensor] | None:
        """The clean baseline and the one noise it carries outside the region in this step."""
        if not self.settings.hold_outside or self.region is None:
            return None
        if self.settings.sample_posterior:
            clean = self._draw_posterior(baseline, step, _HELD_POSTERIOR)
            return clean, self._normal(clean, step, _HELD_FORWARD)
        # the same noise inside and outside, so that the region's border is no seam
        return reference, noise

    def _draw_posterior(self, posterior: Posterior, step: int, draw: int) -> Latents:
        if not self.settings.sample_posterior:
            return posterior.mean
        return posterior.mean + posterior.std * self._normal(posterior.mean, step, draw)

    def _normal(self, like: Latents, step: int, draw: int) -> Latents:
        shape = tuple(like.shape[1:])
        draws = [self.noise.normal(shape, sample=s, step=step, draw=draw) for s in self.samples]
        return torch.stack(draws).to(like)


@dataclass
class _Guidance:
    """Guided predictions of one denoising pass.

    Guidance points almost the same way in neighbouring denoising steps. Below
    `reuse_guidance_below` it is not asked for anew: the last difference between the guided and the
    conditional output, in proportion to the noise that is left, is added to the conditional one,
    which costs one text instead of two. Of several findings none is the one to start from, so it is
    added to the output for the negative prompt. Asked in full to the end, the findings' fine
    detail piles up over the steps of a walk: real films came out in worms of black and white.
    """

    guide: Guide
    backbone: Backbone
    settings: ProgressiveEditing
    last: Latents | None = None

    def predict(self, noisy: Latents, timestep: int) -> Latents:
        guide, scale = self.guide, self.settings.guidance_scale
        _, sigma = self.backbone.schedule.at(timestep)
        below = self.settings.reuse_guidance_below * len(self.backbone.schedule)
        if scale in (0, 1) or below == 0:
            return guide.predict(self.backbone, noisy, timestep, guidance_scale=scale)
        start = 1 if len(guide.weights) == 1 else 0
        if self.last is not None and timestep < below:
            output = self.backbone.denoise(noisy, timestep, guide.text(start, len(noisy)))
            return output + sigma * self.last
        plain, *towards = outputs = guide.outputs(self.backbone, noisy, timestep)
        output = guided(plain, towards, guide.weights, guide.masks, scale)
        self.last = (output - outputs[start]) / sigma
        return output
