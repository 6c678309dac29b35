"""Thinned-out schedules: fewer denoising steps, evenly spaced from the first timestep to the last.

As the video models of the SEINE line sample: betas linear in the timestep, both ends kept, the
network told the original timesteps, noise added anew at every step (`Ancestral`) or none (`Ddim`
of `solvers`, started with the same timesteps).

Sources: Ho et al., "Denoising Diffusion Probabilistic Models", arXiv:2006.11239, algorithm 2 and
section 3.2 (the fixed, larger variance); Nichol and Dhariwal, "Improved Denoising Diffusion
Probabilistic Models", arXiv:2102.09672, section 4 (the thinned-out schedule).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from jaxtyping import Float
from torch import Tensor

from sequela.core.checks import check_count
from sequela.core.errors import InvalidInputError
from sequela.diffusion.schedule import Prediction, Schedule, schedule_from_betas

Latents = Float[Tensor, "batch latent *space"]


def linear_schedule(
    *,
    timesteps: int = 1000,
    beta_start: float = 1e-4,
    beta_end: float = 0.02,
    prediction: Prediction = "epsilon",
) -> Schedule:
    """The schedule of the first diffusion models, which SEINE kept: betas evenly spaced.

    Not that of Stable Diffusion, whose codec SEINE shares. Denoising ends without any noise.
    """
    betas = torch.linspace(beta_start, beta_end, timesteps, dtype=torch.float64)
    return schedule_from_betas(betas, prediction=prediction, ends_clean=True)


def even_timesteps(schedule: Schedule, num_denoising_steps: int) -> list[int]:
    """Evenly spaced timesteps with both ends of the schedule, rounded, falling.

    250 of 1000 give 999, 995, ..., 8, 4, 0.
    """
    check_count("num_denoising_steps", num_denoising_steps, minimum=2, hint="25 to 50 are usual.")
    last = len(schedule) - 1
    if num_denoising_steps > len(schedule):
        raise InvalidInputError(
            f"`num_denoising_steps` must be at most {len(schedule)}, the length of the noise "
            f"schedule, got {num_denoising_steps}. 25 to 50 are usual."
        )
    # Halves go to the even neighbour, exactly, as they went in the published sampler.
    stride = Fraction(last, num_denoising_steps - 1)
    return [round(i * stride) for i in reversed(range(num_denoising_steps))]


def respaced_betas(schedule: Schedule, timesteps: Sequence[int]) -> Float[Tensor, " step"]:
    """Share of variance replaced between each kept timestep and the next lower one, float64.

    Args:
        schedule: Variance-preserving.
        timesteps: Falling; the betas are in the same order.
    """
    kept = schedule.alpha[list(timesteps)].square()
    lower = torch.cat([kept[1:], torch.ones(1, dtype=torch.float64)])
    return 1 - kept / lower


@dataclass(frozen=True, kw_only=True, eq=False)
class Ancestral:
    """Denoising that adds noise of the larger of the two fixed variances after every step.

    Attributes:
        schedule: The whole one, read as noise prediction or as it says.
        timesteps: Falling.
        betas: Of the thinned-out schedule, one for each timestep.
    """

    schedule: Schedule
    timesteps: tuple[int, ...]
    betas: Float[Tensor, " step"]

    @classmethod
    def of(cls, schedule: Schedule, timesteps: Sequence[int]) -> "Ancestral":
        """A pass over those timesteps."""
        betas = respaced_betas(schedule, timesteps)
        return cls(schedule=schedule, timesteps=tuple(timesteps), betas=betas)

    def variance(self, index: int) -> float:
        """Of the noise added after the step: beta, but at the last one the true posterior's.

        The last one's is that of the step before it, for its own would be 0; no noise is added
        there anyway.
        """
        if index == len(self.timesteps) - 1:
            alpha_bar = self.schedule.alpha.square()
            before, here = (float(alpha_bar[self.timesteps[i]]) for i in (index, index - 1))
            return float(self.betas[index - 1]) * (1 - before) / (1 - here)
        return float(self.betas[index])

    def step(self, output: Latents, noisy: Latents, index: int, *, noise: Latents) -> Latents:
        """The latents at the next lower timestep.

        Args:
            output: The network's raw, guided output at `timesteps[index]`.
            noisy: The latents the network saw.
            index: Position in the timesteps.
            noise: Fresh standard normal values; the last step does not use them.
        """
        last = index == len(self.timesteps) - 1
        denoised, _ = self.schedule.split(output, noisy, self.timesteps[index])
        alpha_bar = self.schedule.at(self.timesteps[index])[0] ** 2
        lower = 1.0 if last else self.schedule.at(self.timesteps[index + 1])[0] ** 2
        beta = float(self.betas[index])
        from_denoised = beta * math.sqrt(lower) / (1 - alpha_bar)
        from_noisy = (1 - lower) * math.sqrt(1 - beta) / (1 - alpha_bar)
        mean = from_denoised * denoised + from_noisy * noisy
        return mean if last else mean + math.sqrt(self.variance(index)) * noise
