"""A sheet of samples: what a model in training makes of the findings, at fixed noise."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from sequela.conditioning import Vocabulary
from sequela.diffusion import Schedule
from sequela.imaging import channels_last
from sequela.render import contact_sheet
from sequela.training.data import ImageSet

_SHOWN = 6  # findings: the reference and the most frequent ones
_GUIDANCE = 3.0
_STRIDE = 40  # timesteps from one denoising step to the next


def shown_names(images: ImageSet, vocabulary: Vocabulary) -> list[str]:
    """The names that a sheet shows, in its columns."""
    counts = Counter(name for found in images.findings for name in found or ())
    return [vocabulary.reference, *(name for name, _ in counts.most_common(_SHOWN - 1))]


@torch.no_grad()
def sample(
    schedule: Schedule,
    noisy: Float[Tensor, "batch latent height width"],
    predict: Callable[[Tensor, int], tuple[Tensor, Tensor]],
) -> Float[Tensor, "batch latent height width"]:
    """Denoise from pure noise by DDIM, guided.

    Args:
        schedule: The model's.
        noisy: Where to start.
        predict: The network's output for latents at a timestep, without and with words.
    """
    grid = list(range(len(schedule) - 19, 0, -_STRIDE))  # 981, 941, ... 21 of a thousand
    for timestep, following in zip(grid, [*grid[1:], -1], strict=True):
        plain, worded = predict(noisy, timestep)
        guided = plain + _GUIDANCE * (worded - plain)
        denoised, noise = schedule.split(guided, noisy, timestep)
        noisy = schedule.add_noise(denoised, noise, following)
    return noisy


def write_sheet(
    images: Float[Tensor, "image channel height width"], names: list[str], path: Path
) -> None:
    """Write images in [-1, 1], one row after the other under the names of its columns."""
    shown = ((images + 1) * 127.5).clamp(0, 255).byte().cpu().numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    titles = names * (len(shown) // len(names))
    contact_sheet([channels_last(x) for x in shown], titles, path, columns=len(names))
