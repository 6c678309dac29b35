"""SEINE's schedule, its thinning-out, and ancestral denoising, against numbers and formulas."""

import math

import pytest
import torch

from sequela.core import InvalidInputError
from sequela.diffusion import (
    Ancestral,
    Ddim,
    even_timesteps,
    linear_schedule,
    respaced_betas,
    scaled_linear_schedule,
)

SCHEDULE = linear_schedule()


def test_alpha_bars_are_those_of_the_linear_schedule_not_of_stable_diffusion():
    bars = SCHEDULE.alpha.square()
    assert len(bars) == 1000
    assert float(bars[0]) == pytest.approx(0.9999, abs=1e-12)
    assert float(bars[499]) == pytest.approx(0.0786, abs=5e-5)
    assert float(bars[999]) == pytest.approx(4.04e-5, rel=2e-3)
    assert float(scaled_linear_schedule().alpha[499] ** 2) > 0.25


def test_250_timesteps_span_the_whole_schedule():
    timesteps = even_timesteps(SCHEDULE, 250)
    assert len(set(timesteps)) == 250
    assert timesteps == sorted(timesteps, reverse=True)
    assert timesteps[::-1][:4] == [0, 4, 8, 12]
    assert timesteps[:2] == [999, 995]
    assert timesteps[::-1] == [round(i * 999 / 249) for i in range(250)]


def test_halves_go_to_the_even_neighbour():
    assert even_timesteps(SCHEDULE, 25)[::-1][:6] == [0, 42, 83, 125, 166, 208]


def test_all_timesteps_are_kept_if_asked():
    assert even_timesteps(SCHEDULE, 1000) == list(range(999, -1, -1))


@pytest.mark.parametrize("count", [1, 0, 1001])
def test_counts_that_thin_out_nothing_are_refused(count):
    with pytest.raises(InvalidInputError, match="`num_denoising_steps`"):
        even_timesteps(SCHEDULE, count)


@pytest.mark.parametrize("count", [25, 50, 250])
def test_recomputed_betas_multiply_to_the_kept_alpha_bars(count):
    timesteps = even_timesteps(SCHEDULE, count)
    rising = respaced_betas(SCHEDULE, timesteps).flip(0)
    bars = SCHEDULE.alpha.square()[timesteps].flip(0)
    assert torch.allclose(torch.cumprod(1 - rising, 0), bars, rtol=1e-12)


def test_betas_of_all_timesteps_are_the_original_ones():
    betas = respaced_betas(SCHEDULE, even_timesteps(SCHEDULE, 1000))
    expected = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64).flip(0)
    assert torch.allclose(betas, expected, atol=1e-12)


def test_variances_are_the_betas_and_the_last_one_that_of_the_posterior():
    timesteps = even_timesteps(SCHEDULE, 250)
    pass_ = Ancestral.of(SCHEDULE, timesteps)
    betas = respaced_betas(SCHEDULE, timesteps)
    assert [pass_.variance(i) for i in range(249)] == betas[:249].tolist()
    bars = SCHEDULE.alpha.square()
    expected = float(betas[248]) * (1 - float(bars[0])) / (1 - float(bars[4]))
    assert pass_.variance(249) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("index", [0, 100, 248])
def test_a_step_is_that_of_algorithm_2_of_the_first_diffusion_models(index):
    timesteps = even_timesteps(SCHEDULE, 250)
    noisy, output, noise = _values(3)
    found = Ancestral.of(SCHEDULE, timesteps).step(output, noisy, index, noise=noise)
    beta = float(respaced_betas(SCHEDULE, timesteps)[index])
    bar = float(SCHEDULE.alpha[timesteps[index]]) ** 2
    mean = (noisy - beta / math.sqrt(1 - bar) * output) / math.sqrt(1 - beta)
    assert torch.allclose(found, mean + math.sqrt(beta) * noise, atol=1e-9)


def test_the_last_step_adds_no_noise_and_ends_clean():
    timesteps = even_timesteps(SCHEDULE, 250)
    noisy, output, noise = _values(3)
    found = Ancestral.of(SCHEDULE, timesteps).step(output, noisy, 249, noise=1e3 * noise)
    denoised, _ = SCHEDULE.split(output, noisy, 0)
    assert torch.allclose(found, denoised, atol=1e-9)


@pytest.mark.parametrize("count", [25, 250])
def test_the_larger_variance_keeps_data_of_unit_variance_exactly(count):
    # Exact prediction for such data: sigma times what is seen. A step is then linear, so ones
    # in, zeros of noise, give its factor; the variance of the noise is told.
    timesteps = even_timesteps(SCHEDULE, count)
    pass_ = Ancestral.of(SCHEDULE, timesteps)
    ones = torch.ones(1, 1, 1, dtype=torch.float64)
    variance = 1.0
    for index, timestep in enumerate(timesteps[:-1]):
        sigma = float(SCHEDULE.sigma[timestep])
        factor = float(pass_.step(sigma * ones, ones, index, noise=0 * ones))
        variance = factor**2 * variance + pass_.variance(index)
        assert variance == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("count", [25, 50])
def test_ddim_over_the_same_timesteps_is_exact_for_the_true_noise(count):
    timesteps = even_timesteps(SCHEDULE, count)
    clean, noise, _ = _values(3)
    noisy = SCHEDULE.add_noise(clean, noise, timesteps[0])
    stepper = Ddim().start(SCHEDULE, timesteps)
    for index in range(count):
        noisy = stepper.step(noise, noisy, index)
    assert torch.allclose(noisy, clean, atol=1e-9)


def _values(count):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, 1, 2, 4, 4, generator=generator, dtype=torch.float64)
