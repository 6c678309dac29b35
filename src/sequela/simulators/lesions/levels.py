"""Noise levels of masks: the schedule, the few levels that are visited, and the step down."""

import torch
from torch import Tensor

from sequela.diffusion.schedule import Schedule, schedule_from_betas
from sequela.simulators.lesions.network import Level

# log signal-to-noise of the first and the last level after pure noise: before, no voxel can be seen
# whatever it holds; behind, all can
_FIRST_SNR, _LAST_SNR = -0.2, 2.5


def cosine_schedule(timesteps: int) -> Schedule:
    """Signal as a cosine of time: little of it is spent where nothing can be seen any more.

    Source: Nichol and Dhariwal, "Improved DDPM", arXiv:2102.09672, equation (17).
    """
    share = torch.linspace(0, 1, timesteps + 1, dtype=torch.float64)
    kept = torch.cos((share + 0.008) / 1.008 * torch.pi / 2) ** 2
    betas = (1 - kept[1:] / kept[:-1]).clamp(max=0.999)
    return schedule_from_betas(betas, prediction="sample", ends_clean=True)


def timesteps_of(schedule: Schedule, num_denoising_steps: int) -> list[int]:
    """Pure noise, then levels at which voxels come into sight, evenly in their log; falling."""
    ratio = 2 * (schedule.alpha / schedule.sigma).log()
    wanted = torch.linspace(_FIRST_SNR, _LAST_SNR, num_denoising_steps - 1)
    nearest = [int((ratio - level).abs().argmin()) for level in wanted]
    return sorted({len(schedule) - 1, *nearest}, reverse=True)


def level_of(schedule: Schedule, timesteps: list[int], device: torch.device | None = None) -> Level:
    """Noise levels of timesteps."""
    index = torch.tensor(timesteps)
    return Level(
        signal=schedule.alpha[index].float().to(device),
        noise=schedule.sigma[index].float().to(device),
        share=(index.float() / (len(schedule) - 1)).to(device),
    )


def lower(
    schedule: Schedule, noisy: Tensor, clean: Tensor, levels: tuple[int, int], noise: Tensor
) -> Tensor:
    """The mask at a lower noise level, given the one at a higher level and a clean one."""
    (high_signal, high_noise), (low_signal, low_noise) = (schedule.at(t) for t in levels)
    ratio = high_signal / low_signal
    added = high_noise**2 - (ratio * low_noise) ** 2
    mean = (ratio * low_noise**2 * noisy + low_signal * added * clean) / high_noise**2
    return torch.as_tensor(mean + (added**0.5 * low_noise / high_noise) * noise)
