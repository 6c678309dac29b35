"""Roll back by inversion: find the noise from which deterministic denoising leads back.

Rolling back by fresh noise forgets details in proportion to `strength`; inversion keeps them, at
the price of one more pass and, under a high guidance scale, of a weaker edit.
"""

from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor

from sequela.core.checks import check_count
from sequela.diffusion.schedule import Schedule
from sequela.diffusion.solvers import transfer

Latents = Float[Tensor, "batch latent *space"]
Denoise = Callable[[Latents, int], Latents]


def invert(
    clean: Latents,
    schedule: Schedule,
    timesteps: Sequence[int],
    denoise: Denoise,
    *,
    refinements: int = 0,
) -> list[Latents]:
    """Latents at every kept timestep, noisiest first, that DDIM would denoise back to `clean`.

    Args:
        clean: Latents of an image.
        schedule: The backbone's noise schedule.
        timesteps: Kept timesteps of the later denoising, falling.
        denoise: Gives the network's raw output for latents and a timestep; leave guidance out.
        refinements: How often each step is solved again at the level it led to. 0 is plain DDIM
            inversion; each one costs an evaluation a step and closes the round trip further.

    Source: Song et al., arXiv:2010.02502, section 4.3; refinement as in Pan et al., "Effective Real
    Image Editing with Accelerated Iterative Diffusion Inversion", arXiv:2309.04907, section 3.1.
    """
    check_count("refinements", refinements, minimum=0)
    path: list[Latents] = []
    latents, level = clean, -1
    for timestep in reversed(timesteps):
        # Asked one level down, the network is told where the latents are, not where they go.
        told = max(level, 0)
        risen = transfer(
            denoise(latents, told), latents, schedule, timestep=told, to_timestep=timestep
        )
        for _ in range(refinements):
            risen = _solved_again(risen, latents, schedule, denoise, (level, timestep))
        path.append(risen)
        latents, level = risen, timestep
    return path[::-1]


def _solved_again(
    risen: Latents, latents: Latents, schedule: Schedule, denoise: Denoise, levels: tuple[int, int]
) -> Latents:
    level, timestep = levels
    _, noise = schedule.split(denoise(risen, timestep), risen, timestep)
    alpha, sigma = schedule.at(level)
    alpha_risen, sigma_risen = schedule.at(timestep)
    return alpha_risen * (latents - sigma * noise) / alpha + sigma_risen * noise
