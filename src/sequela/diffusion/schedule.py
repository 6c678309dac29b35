"""Schedule: how much signal and how much noise a latent holds at each timestep."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Prediction = Literal["epsilon", "v_prediction", "sample", "flow"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """`noisy = alpha[timestep] * clean + sigma[timestep] * noise`, for timestep 0 .. T-1.

    Variance-preserving schedules (Stable Diffusion) have alpha^2 + sigma^2 = 1, rectified flow
    (Stable Diffusion 3) has alpha + sigma = 1. Timestep -1 means the end of denoising.

    Attributes:
        alpha: Share of signal, float64.
        sigma: Noise standard deviation, float64.
        prediction: What the network's output means.
        model_time: What the network is told at each timestep (Stable Diffusion: that integer).
        final_alpha: Signal at the end; Stable Diffusion ends at alpha[0], not at 1.
        steps_offset: Added to each evenly spaced timestep (1 in Stable Diffusion).
    """

    alpha: Float[Tensor, " timesteps"]
    sigma: Float[Tensor, " timesteps"]
    prediction: Prediction
    model_time: Float[Tensor, " timesteps"]
    final_alpha: float = 1.0
    final_sigma: float = 0.0
    steps_offset: int = 0

    def __len__(self) -> int:
        return len(self.alpha)

    def at(self, timestep: int) -> tuple[float, float]:
        """Signal and noise at a timestep; any negative one is the end of denoising."""
        if timestep < 0:
            return self.final_alpha, self.final_sigma
        return float(self.alpha[timestep]), float(self.sigma[timestep])

    def add_noise(
        self,
        clean: Float[Tensor, "batch latent *space"],
        noise: Float[Tensor, "batch latent *space"],
        timestep: int,
    ) -> Float[Tensor, "batch latent *space"]:
        """Clean latents brought to the noise level of `timestep`."""
        alpha, sigma = self.at(timestep)
        return alpha * clean + sigma * noise

    def split(
        self,
        output: Float[Tensor, "batch latent *space"],
        noisy: Float[Tensor, "batch latent *space"],
        timestep: int,
    ) -> tuple[Float[Tensor, "batch latent *space"], Float[Tensor, "batch latent *space"]]:
        """The network's output read as (denoised, noise prediction).

        Source: Salimans and Ho, "Progressive Distillation", arXiv:2202.00512, section 4 (v); the
        flow velocity of Esser et al., arXiv:2403.03206, is noise - clean.
        """
        alpha, sigma = self.at(timestep)
        if self.prediction == "epsilon":
            return (noisy - sigma * output) / alpha, output
        if self.prediction == "v_prediction":
            return alpha * noisy - sigma * output, alpha * output + sigma * noisy
        if self.prediction == "sample":
            return output, (noisy - alpha * output) / sigma
        return noisy - sigma * output, noisy + alpha * output


def scaled_linear_schedule(
    *,
    timesteps: int = 1000,
    beta_start: float = 0.00085,
    beta_end: float = 0.012,
    prediction: Prediction = "epsilon",
    steps_offset: int = 1,
) -> Schedule:
    """The schedule of Stable Diffusion 1.x and 2.x: betas evenly spaced in their square root.

    Source: Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models",
    arXiv:2112.10752, and the published scheduler settings.
    """
    betas = torch.linspace(beta_start**0.5, beta_end**0.5, timesteps, dtype=torch.float64) ** 2
    return schedule_from_betas(betas, prediction=prediction, steps_offset=steps_offset)


def schedule_from_betas(
    betas: Float[Tensor, " timesteps"],
    *,
    prediction: Prediction = "epsilon",
    steps_offset: int = 0,
    ends_clean: bool = False,
) -> Schedule:
    """A variance-preserving schedule from the share of variance replaced at each timestep.

    Args:
        betas: Shares in (0, 1), float64; 1 is allowed last, for a schedule that ends in pure noise.
        prediction: What the network's output means.
        steps_offset: Added to each evenly spaced timestep.
        ends_clean: Whether denoising ends without any noise, not at the lowest timestep's.
    """
    kept = torch.cumprod(1 - betas.double(), dim=0)
    alpha, sigma = kept.sqrt(), (1 - kept).sqrt()
    return Schedule(
        alpha=alpha,
        sigma=sigma,
        prediction=prediction,
        model_time=torch.arange(len(betas), dtype=torch.float64),
        final_alpha=1.0 if ends_clean else float(alpha[0]),
        final_sigma=0.0 if ends_clean else float(sigma[0]),
        steps_offset=steps_offset,
    )


def flow_schedule(*, timesteps: int = 1000, shift: float = 3.0) -> Schedule:
    """The rectified flow of Stable Diffusion 3: straight lines from image to noise.

    Args:
        timesteps: Length of the schedule.
        shift: Above 1, more of the timesteps lie at high noise, as large images need.

    Source: Esser et al., "Scaling Rectified Flow Transformers", arXiv:2403.03206, equation (23).
    """
    share = torch.arange(1, timesteps + 1, dtype=torch.float64) / timesteps
    sigma = shift * share / (1 + (shift - 1) * share)
    return Schedule(alpha=1 - sigma, sigma=sigma, prediction="flow", model_time=timesteps * sigma)
