"""Sampling: many possible NET2 masks of one patient at once, from seeded noise."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sequela.core.checks import check_count, check_finite
from sequela.diffusion.noise import NoiseSource
from sequela.diffusion.respacing import Ancestral, even_timesteps
from sequela.diffusion.schedule import Schedule, schedule_from_betas
from sequela.simulators.lesions.network import LesionForecaster
from sequela.simulators.lesions.prepare import PreparedVisit
from sequela.simulators.lesions.question import Question


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How forecasts are drawn.

    Attributes:
        samples: Masks a question.
        num_denoising_steps: Network evaluations a mask.
        guidance_scale: Weight of the treatment; 1 is the plain conditional forecast, 0 that for an
            unknown treatment. Anything but 1 exaggerates effects and spoils calibration.
        seed: Of the noise; questions with the same seed share it, so that treatments differ by
            nothing but the treatment.
    """

    samples: int = 32
    num_denoising_steps: int = 10
    guidance_scale: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("samples", self.samples)
        check_count("num_denoising_steps", self.num_denoising_steps, minimum=2)
        check_finite("guidance_scale", self.guidance_scale, minimum=0.0)
        check_count("seed", self.seed, minimum=0)


def cosine_schedule(timesteps: int) -> Schedule:
    """Signal as a cosine of time: little of it is spent where nothing can be seen any more.

    Source: Nichol and Dhariwal, "Improved DDPM", arXiv:2102.09672, equation (17).
    """
    share = torch.linspace(0, 1, timesteps + 1, dtype=torch.float64)
    kept = torch.cos((share + 0.008) / 1.008 * torch.pi / 2) ** 2
    betas = (1 - kept[1:] / kept[:-1]).clamp(max=0.999)
    return schedule_from_betas(betas, prediction="sample", ends_clean=True)


def seen_channels(visit: PreparedVisit) -> Float[Tensor, "1 seen depth height width"]:
    """What the encoder sees of a visit on the model's grid: images, masks, coordinates."""
    points = visit.grid.points / 80.0
    place = [points[..., 2], points[..., 1], np.abs(points[..., 0])]
    masks = [visit.lesions.astype(np.float32), visit.brain.astype(np.float32)]
    return torch.from_numpy(np.concatenate([visit.images, np.stack(masks), np.stack(place)])[None])


@torch.no_grad()
def draw_forecasts(
    network: LesionForecaster, visit: PreparedVisit, question: Question, sampling: Sampling
) -> Bool[np.ndarray, "sample depth height width"]:
    """Possible NET2 masks at the question's horizon; none lies in old lesions or outside the brain.

    At horizon 0 nothing has come yet, whatever the treatment: all masks are empty.
    """
    free = visit.brain & ~visit.lesions
    if question.horizon_years == 0:
        return np.zeros((sampling.samples, *visit.grid.shape), bool)
    device = next(network.parameters()).device
    present = torch.from_numpy(visit.present.astype(np.float32))[None].to(device)
    features = network.encode(seen_channels(visit).to(device), present)
    features = features.expand(sampling.samples, *features.shape[1:])
    noise = NoiseSource(sampling.seed)

    def fresh(step: int) -> Tensor:
        drawn = [
            noise.normal((1, *visit.grid.shape), sample=k, step=step, draw=0)
            for k in range(sampling.samples)
        ]
        return torch.stack(drawn).to(device)

    schedule = cosine_schedule(network.config.timesteps)
    timesteps = even_timesteps(schedule, sampling.num_denoising_steps)
    walk, noisy = Ancestral.of(schedule, timesteps), fresh(0)
    for index, timestep in enumerate(timesteps):
        share = timestep / (len(schedule) - 1)
        denoised = _guided(network, noisy, features, share, question, sampling.guidance_scale)
        noisy = walk.step(denoised, noisy, index, noise=fresh(index + 1))
    return np.asarray((noisy[:, 0] > 0).cpu().numpy() & free)


def _guided(
    network: LesionForecaster,
    noisy: Tensor,
    features: Tensor,
    share: float,
    question: Question,
    scale: float,
) -> Tensor:
    count, device = len(noisy), noisy.device
    time = torch.full((count,), share, device=device)
    numbers = torch.from_numpy(question.numbers).to(device).expand(count, -1)

    def told(treatment: int) -> Tensor:
        index = torch.full((count,), treatment, dtype=torch.long, device=device)
        denoised: Tensor = network(noisy, features, time, index, numbers)
        return denoised

    with_treatment = told(question.treatment_index)
    if scale == 1 or question.treatment_index == 0:
        return with_treatment
    without = told(0)
    return (without + scale * (with_treatment - without)).clamp(-1, 1)
