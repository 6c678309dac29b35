"""Data whose best denoiser is known exactly, and the answers that follow from it."""

from collections.abc import Callable

import torch
from torch import Tensor

from sequela.diffusion import Prediction, Schedule, Solver, flow_schedule, scaled_linear_schedule


def schedule_of(prediction: Prediction) -> Schedule:
    if prediction == "flow":
        return flow_schedule()
    return scaled_linear_schedule(prediction=prediction)


def even_log_snr_schedule(prediction: Prediction, count: int) -> Schedule:
    """`count` + 1 levels evenly spaced in log-SNR, the cleanest first."""
    ratio = torch.linspace(2.5, -2.0, count + 1, dtype=torch.float64)
    power = 1 if prediction == "flow" else 2
    return Schedule(
        alpha=torch.sigmoid(power * ratio) ** (1 / power),
        sigma=torch.sigmoid(-power * ratio) ** (1 / power),
        prediction=prediction,
        model_time=ratio,
    )


def output_for(schedule: Schedule, denoised: Tensor, noisy: Tensor, timestep: int) -> Tensor:
    alpha, sigma = schedule.at(timestep)
    noise = (noisy - alpha * denoised) / sigma
    return {
        "epsilon": noise,
        "v_prediction": alpha * noise - sigma * denoised,
        "sample": denoised,
        "flow": noise - denoised,
    }[schedule.prediction]


def gaussian_denoiser(schedule: Schedule, std: float) -> Callable[[Tensor, int], Tensor]:
    """Exact for clean values drawn from a normal distribution of mean 0 and that spread."""

    def denoise(noisy: Tensor, timestep: int) -> Tensor:
        alpha, sigma = schedule.at(timestep)
        denoised = alpha * std**2 / (alpha**2 * std**2 + sigma**2) * noisy
        return output_for(schedule, denoised, noisy, timestep)

    return denoise


def spread_at(schedule: Schedule, std: float, timestep: int) -> float:
    alpha, sigma = schedule.at(timestep)
    return float((alpha**2 * std**2 + sigma**2) ** 0.5)


def run(
    solver: Solver,
    schedule: Schedule,
    timesteps: list[int],
    denoise: Callable[[Tensor, int], Tensor],
    latents: Tensor,
) -> Tensor:
    stepper = solver.start(schedule, timesteps)
    for index, timestep in enumerate(timesteps):
        latents = stepper.step(denoise(latents, timestep), latents, index)
    return latents
