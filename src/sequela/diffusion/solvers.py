"""Solvers: how a network's outputs carry latents from noise to an image, step by denoising step.

The caller owns the loop, so that it can put back what must not change between denoising steps:

    timesteps = solver.timesteps(schedule, num_denoising_steps=12, strength=0.5)
    stepper = solver.start(schedule, timesteps)
    for index, timestep in enumerate(timesteps):
        latents = stepper.step(denoise(latents, timestep), latents, index)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from sequela.core.checks import check_choice
from sequela.diffusion.schedule import Schedule
from sequela.diffusion.timesteps import kept_from, leading_timesteps, quadratic_timesteps

Latents = Float[Tensor, "batch latent *space"]


@runtime_checkable
class Stepper(Protocol):
    """One denoising pass; it may remember earlier outputs, so each pass starts a fresh one."""

    def step(self, output: Latents, noisy: Latents, index: int) -> Latents:
        """The latents at the next noise level.

        Args:
            output: The network's raw, guided output at `timesteps[index]`.
            noisy: The latents the network saw.
            index: Position in the timesteps, rising from 0 without gaps.
        """
        ...


@runtime_checkable
class Solver(Protocol):
    """A way to walk down the noise schedule."""

    @property
    def name(self) -> str:
        """Its name in configs and on the command line."""
        ...

    def timesteps(self, schedule: Schedule, num_denoising_steps: int, strength: float) -> list[int]:
        """The timesteps at which the network is asked, falling; empty if nothing is rolled back.

        Args:
            schedule: The backbone's noise schedule.
            num_denoising_steps: Denoising steps of a whole schedule, of which a share is kept.
            strength: Share of the noise schedule rolled back, [0, 1].
        """
        ...

    def start(self, schedule: Schedule, timesteps: Sequence[int]) -> Stepper:
        """A fresh pass over those timesteps."""
        ...


@dataclass(frozen=True)
class Ddim:
    """Deterministic DDIM (eta 0): first order, robust, the sampler of the PIE paper.

    Source: Song et al., "Denoising Diffusion Implicit Models", arXiv:2010.02502, equation (12).
    """

    name: str = "ddim"

    def timesteps(self, schedule: Schedule, num_denoising_steps: int, strength: float) -> list[int]:
        """The last `int(num_denoising_steps * strength)` of the published, evenly spaced list."""
        whole = leading_timesteps(schedule, num_denoising_steps)
        return whole[kept_from(num_denoising_steps, strength) :]

    def start(self, schedule: Schedule, timesteps: Sequence[int]) -> Stepper:
        """A fresh pass over those timesteps."""
        return _DdimPass(schedule, tuple(timesteps))


@dataclass(frozen=True)
class PublishedPndm:
    """PNDM without Runge-Kutta steps, off by one level as the published PIE system ran it.

    For parity only. The list of a whole schedule repeats its second entry for the warm-up. Cutting
    it midway loses the repeat while the solver still spends its second call on it, so from the
    third call on the latents carry one level more noise than the network is told, and end one
    level short.

    Source: Liu et al., "Pseudo Numerical Methods for Diffusion Models on Manifolds",
    arXiv:2202.09778, section 3.
    """

    name: str = "pndm-published"

    def timesteps(self, schedule: Schedule, num_denoising_steps: int, strength: float) -> list[int]:
        """One more than DDIM's, from one level higher; strength 0 still keeps the last one."""
        whole = leading_timesteps(schedule, num_denoising_steps)
        repeated = whole[:2] + whole[1:]
        return repeated[kept_from(num_denoising_steps, strength) :]

    def start(self, schedule: Schedule, timesteps: Sequence[int]) -> Stepper:
        """A fresh pass over those timesteps."""
        return _PndmPass(schedule, tuple(timesteps))


@dataclass(frozen=True)
class DpmSolver:
    """DPM-Solver++ 2M: second order at one evaluation a step; the choice for few denoising steps.

    The first and the last step are of first order. Timesteps are even in their square root. Even in
    the timestep, the last of 6 evaluations starts so noisy that details blur (2 to 20 times the
    error on Gaussian data of standard deviation 0.1 to 0.9); even in log-SNR, too few are left
    where guidance 7.5 decides the content (1.5 to 9 times the error on a mixture of two classes).

    Source: Lu et al., "DPM-Solver++", arXiv:2211.01095, algorithm 2.
    """

    name: str = "dpm-solver++"

    def timesteps(self, schedule: Schedule, num_denoising_steps: int, strength: float) -> list[int]:
        """`num_denoising_steps` times `strength` timesteps from exactly the rolled-back level."""
        return quadratic_timesteps(schedule, num_denoising_steps, strength)

    def start(self, schedule: Schedule, timesteps: Sequence[int]) -> Stepper:
        """A fresh pass over those timesteps."""
        return _DpmPass(schedule, tuple(timesteps))


SOLVERS: dict[str, Solver] = {s.name: s for s in (Ddim(), PublishedPndm(), DpmSolver())}


def solver_named(name: str) -> Solver:
    """The solver `ddim`, `pndm-published` or `dpm-solver++`."""
    check_choice("solver", name, SOLVERS)
    return SOLVERS[name]


def transfer(
    output: Latents, noisy: Latents, schedule: Schedule, *, timestep: int, to_timestep: int
) -> Latents:
    """Latents moved from one noise level to another along the direction `output` gives.

    Source: arXiv:2010.02502, equation (12) with sigma 0; any `to_timestep` below 0 is the end.
    """
    denoised, noise = schedule.split(output, noisy, timestep)
    alpha, sigma = schedule.at(to_timestep)
    return alpha * denoised + sigma * noise


@dataclass
class _DdimPass:
    schedule: Schedule
    timesteps: tuple[int, ...]

    def step(self, output: Latents, noisy: Latents, index: int) -> Latents:
        told = self.timesteps[index]
        after = _following(self.timesteps, index)
        return transfer(output, noisy, self.schedule, timestep=told, to_timestep=after)


# Adams-Bashforth weights of order 1 to 4, newest output first; arXiv:2202.09778, section 3.
_MULTISTEP = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)


@dataclass
class _PndmPass:
    schedule: Schedule
    timesteps: tuple[int, ...]
    outputs: list[Latents] = field(default_factory=list)  # newest first
    first_noisy: Latents | None = None

    def step(self, output: Latents, noisy: Latents, index: int) -> Latents:
        if index == 1 and self.first_noisy is not None:
            return self._repeat_first(output, self.first_noisy)
        self.outputs = [output, *self.outputs[:3]]
        if index == 0:
            self.first_noisy = noisy
        mixed = torch.zeros_like(output)
        for weight, past in zip(_MULTISTEP[len(self.outputs) - 1], self.outputs, strict=True):
            mixed = mixed + weight * past
        told = self.timesteps[index]
        return transfer(mixed, noisy, self.schedule, timestep=told, to_timestep=told - self._gap())

    def _repeat_first(self, output: Latents, first_noisy: Latents) -> Latents:
        # The warm-up goes back to where the pass began, whatever was blended in since; its own
        # output is averaged with the first and then forgotten.
        mixed = (output + self.outputs[0]) / 2
        start = self.timesteps[0]
        return transfer(
            mixed, first_noisy, self.schedule, timestep=start, to_timestep=start - self._gap()
        )

    def _gap(self) -> int:
        # A single timestep is the lowest of the schedule: any gap beyond it leads to the end.
        return (
            self.timesteps[0] - self.timesteps[1] if len(self.timesteps) > 1 else len(self.schedule)
        )


@dataclass
class _DpmPass:
    schedule: Schedule
    timesteps: tuple[int, ...]
    last_denoised: Latents | None = None

    def step(self, output: Latents, noisy: Latents, index: int) -> Latents:
        told, after = self.timesteps[index], _following(self.timesteps, index)
        denoised, _ = self.schedule.split(output, noisy, told)
        target = denoised
        if self.last_denoised is not None and after >= 0:
            last_gap = self._log_snr(told) - self._log_snr(self.timesteps[index - 1])
            gap = self._log_snr(after) - self._log_snr(told)
            target = denoised + gap / (2 * last_gap) * (denoised - self.last_denoised)
        self.last_denoised = denoised
        (alpha, sigma), (alpha_after, sigma_after) = self.schedule.at(told), self.schedule.at(after)
        kept = sigma_after / sigma
        return kept * noisy + (alpha_after - alpha * kept) * target

    def _log_snr(self, timestep: int) -> float:
        alpha, sigma = self.schedule.at(timestep)
        return math.log(alpha / sigma) if alpha > 0 else -math.inf  # pure noise at the top of flow


def _following(timesteps: Sequence[int], index: int) -> int:
    return timesteps[index + 1] if index + 1 < len(timesteps) else -1
