import pytest
import torch

from sequela.diffusion import Ddim, invert
from tests.diffusion.analytic import gaussian_denoiser, run, schedule_of, spread_at


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "flow"])
@pytest.mark.parametrize(("refinements", "tolerance"), [(0, 0.1), (8, 2e-3)])
def test_denoising_what_was_inverted_gives_the_image_back(prediction, refinements, tolerance):
    schedule = schedule_of(prediction)
    denoise = gaussian_denoiser(schedule, 0.8)
    clean = torch.randn(2, 4, 4, 4, generator=torch.Generator().manual_seed(0)).double()
    timesteps = Ddim().timesteps(schedule, 50, 0.6)
    path = invert(clean, schedule, timesteps, denoise, refinements=refinements)
    back = run(Ddim(), schedule, timesteps, denoise, path[0])
    assert float((back - clean).abs().max() / clean.abs().max()) < tolerance


def test_inversion_gives_one_latent_for_each_kept_timestep_at_its_noise_level():
    schedule = schedule_of("epsilon")
    timesteps = Ddim().timesteps(schedule, 50, 0.5)
    clean = torch.full((1, 1, 1), spread_at(schedule, 0.8, -1)).double()
    path = invert(clean, schedule, timesteps, gaussian_denoiser(schedule, 0.8), refinements=8)
    assert len(path) == len(timesteps)
    for latents, timestep in zip(path, timesteps, strict=True):
        assert float(latents) == pytest.approx(spread_at(schedule, 0.8, timestep), rel=0.05)


def test_inverting_to_no_timestep_gives_nothing():
    schedule = schedule_of("epsilon")
    assert invert(torch.ones(1, 1, 1), schedule, [], gaussian_denoiser(schedule, 1.0)) == []
