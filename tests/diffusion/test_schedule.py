import pytest
import torch

from sequela.diffusion import flow_schedule, scaled_linear_schedule, schedule_from_betas
from tests.diffusion.analytic import output_for, schedule_of


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample", "flow"])
@pytest.mark.parametrize("timestep", [0, 500, 998])
def test_splitting_an_output_gives_the_image_and_the_noise_it_was_made_of(prediction, timestep):
    schedule = schedule_of(prediction)
    generator = torch.Generator().manual_seed(0)
    clean, noise = (torch.randn(1, 4, 4, 4, generator=generator).double() for _ in range(2))
    noisy = schedule.add_noise(clean, noise, timestep)
    parts = schedule.split(output_for(schedule, clean, noisy, timestep), noisy, timestep)
    torch.testing.assert_close(parts[0], clean)
    torch.testing.assert_close(parts[1], noise)


def test_variance_is_preserved_and_stable_diffusion_ends_at_its_lowest_timestep():
    schedule = scaled_linear_schedule()
    torch.testing.assert_close(schedule.alpha**2 + schedule.sigma**2, torch.ones(1000).double())
    assert schedule.at(-1) == pytest.approx(schedule.at(0))
    assert schedule.at(0)[0] ** 2 == pytest.approx(0.99915, abs=1e-6)


def test_a_schedule_may_end_clean():
    betas = torch.linspace(1e-4, 0.02, 10)
    assert schedule_from_betas(betas, ends_clean=True).at(-1) == (1.0, 0.0)


def test_flow_mixes_image_and_noise_to_one_and_shift_raises_the_noise():
    shifted, plain = flow_schedule(shift=3.0), flow_schedule(shift=1.0)
    torch.testing.assert_close(shifted.alpha + shifted.sigma, torch.ones(1000).double())
    assert plain.at(499)[1] == pytest.approx(0.5)
    assert shifted.at(499)[1] == pytest.approx(0.75)
    assert float(shifted.model_time[499]) == pytest.approx(750)
