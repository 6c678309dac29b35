from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sequela.core import InvalidInputError, UnknownNameError
from sequela.diffusion import (
    SOLVERS,
    Ddim,
    DpmSolver,
    PublishedPndm,
    scaled_linear_schedule,
    solver_named,
)
from tests.diffusion.analytic import (
    even_log_snr_schedule,
    gaussian_denoiser,
    output_for,
    run,
    schedule_of,
    spread_at,
)

SD = scaled_linear_schedule()


@pytest.mark.parametrize(
    ("strength", "pndm", "ddim"),
    [
        (0.1, (6, 101, 0.893), (5, 81)),
        (0.2, (11, 201, 0.752), (10, 181)),
        (0.4, (21, 401, 0.423), (20, 381)),
        (0.5, (26, 501, 0.275), (25, 481)),
        (0.6, (31, 601, 0.160), (30, 581)),
        (0.8, (41, 801, 0.0365), (40, 781)),
    ],
)
def test_kept_timesteps_are_those_of_the_published_table(strength, pndm, ddim):
    kept = PublishedPndm().timesteps(SD, 50, strength)
    assert (len(kept), kept[0]) == pndm[:2]
    assert SD.at(kept[0])[0] ** 2 == pytest.approx(pndm[2], rel=2e-3)
    kept = Ddim().timesteps(SD, 50, strength)
    assert (len(kept), kept[0]) == ddim
    assert kept[-1] == 1


def test_a_whole_pndm_schedule_has_51_entries_and_repeats_the_second():
    kept = PublishedPndm().timesteps(SD, 50, 1.0)
    assert len(kept) == 51
    assert kept[:4] == [981, 961, 961, 941]
    assert kept[-1] == 1


@pytest.mark.parametrize(
    ("strength", "clean", "noise"), [(0.5, 0.9555, 0.0592), (0.6, 0.9445, 0.0559)]
)
def test_pndm_as_published_ends_one_level_short_for_an_oracle_of_the_true_noise(
    strength, clean, noise
):
    final, levels = _oracle_walk(PublishedPndm(), strength)
    assert final.tolist() == pytest.approx([clean, noise], abs=5e-5)
    if strength == 0.5:
        assert levels[:5] == [501, 481, 481, 461, 440]


@pytest.mark.parametrize("strength", [0.5, 0.6])
@pytest.mark.parametrize("solver", [Ddim(), DpmSolver()], ids=lambda s: s.name)
def test_the_other_solvers_are_exact_for_an_oracle_of_the_true_noise(solver, strength):
    final, _ = _oracle_walk(solver, strength)
    assert final.tolist() == pytest.approx([0.9996, 0.0292], abs=5e-5)


def _oracle_walk(solver, strength: float) -> tuple[Tensor, list[int]]:
    """Latents as the pair (share of clean image, share of noise): all solvers are linear."""
    timesteps = solver.timesteps(SD, 50, strength)
    latents = torch.tensor(SD.at(timesteps[0]), dtype=torch.float64).reshape(1, 1, 2)
    true_noise = torch.tensor([0.0, 1.0], dtype=torch.float64).reshape(1, 1, 2)
    stepper, levels = solver.start(SD, timesteps), []
    for index in range(len(timesteps)):
        levels.append(int((SD.sigma - latents[0, 0, 1]).abs().argmin()))
        latents = stepper.step(true_noise, latents, index)
    return latents.flatten(), levels


def test_a_single_kept_timestep_leads_pndm_to_the_end():
    assert PublishedPndm().timesteps(SD, 50, 0.0) == [1]
    timesteps = [1]
    clean, noise = torch.ones(1, 1, 2), torch.full((1, 1, 2), 0.5)
    noisy = SD.add_noise(clean, noise, 1)
    final = run(PublishedPndm(), SD, timesteps, lambda *_: noise, noisy)
    torch.testing.assert_close(final, SD.add_noise(clean, noise, -1))


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample", "flow"])
@pytest.mark.parametrize(
    ("solver", "order"), [(Ddim(), 1), (DpmSolver(), 2)], ids=["ddim", "dpm-solver++"]
)
def test_solvers_have_their_order_on_gaussian_data(solver, order, prediction):
    counts, errors = (16, 32, 64, 128), []
    for count in counts:
        schedule = even_log_snr_schedule(prediction, count)
        levels = list(range(count, -1, -1))
        latents = torch.full((1, 1, 1), spread_at(schedule, 0.8, count)).double()
        stepper = solver.start(schedule, levels)
        for index in range(count):  # the last level is where it ends
            output = gaussian_denoiser(schedule, 0.8)(latents, levels[index])
            latents = stepper.step(output, latents, index)
        errors.append(abs(float(latents) / spread_at(schedule, 0.8, 0) - 1))
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "flow"])
@pytest.mark.parametrize("std", [0.3, 0.6, 0.9])
def test_dpm_solver_at_6_evaluations_beats_ddim_at_6(std, prediction):
    schedule = schedule_of(prediction)
    timesteps = DpmSolver().timesteps(schedule, 12, 0.5)
    errors = []
    for solver in (DpmSolver(), Ddim()):
        start = torch.full((1, 1, 1), spread_at(schedule, std, timesteps[0])).double()
        final = run(solver, schedule, timesteps, gaussian_denoiser(schedule, std), start)
        errors.append(abs(float(final) / spread_at(schedule, std, -1) - 1))
    assert errors[0] < 0.08
    assert errors[0] < errors[1] / 2


def test_dpm_solver_at_6_guided_evaluations_moves_an_image_from_one_class_to_the_other():
    """Data of two classes; the reference takes all 500 timesteps."""
    spread, scale = 0.3, 7.5

    def denoise(noisy: Tensor, timestep: int) -> Tensor:
        alpha, sigma = SD.at(timestep)
        variance = (alpha * spread) ** 2 + sigma**2
        pull = alpha * spread**2 / variance
        sick, healthy = (m + pull * (noisy - alpha * m) for m in (1.0, -1.0))
        odds = torch.sigmoid(2 * alpha * noisy / variance)
        either = odds * sick + (1 - odds) * healthy
        return output_for(SD, either + scale * (sick - either), noisy, timestep)

    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 500, 1, 1, generator=generator).double()
    noisy = SD.add_noise(spread * clean - 1, noise, 500)
    exact = run(Ddim(), SD, list(range(500, 0, -1)), denoise, noisy)
    fast = run(DpmSolver(), SD, DpmSolver().timesteps(SD, 12, 0.5), denoise, noisy)
    assert float(exact.mean()) > 0.5
    assert float((fast - exact).square().mean().sqrt()) < 0.2


def test_dpm_solver_takes_six_evaluations_of_twelve_at_half_strength_from_level_500():
    timesteps = DpmSolver().timesteps(SD, 12, 0.5)
    assert len(timesteps) == 6
    assert timesteps == [500, 347, 222, 125, 56, 14]


@given(
    count=st.integers(1, 1000),
    strength=st.floats(0, 1),
    name=st.sampled_from(sorted(SOLVERS)),
    prediction=st.sampled_from(["epsilon", "flow"]),
)
def test_kept_timesteps_lie_in_the_schedule_and_fall(count, strength, name, prediction):
    schedule = schedule_of(prediction)
    timesteps = SOLVERS[name].timesteps(schedule, count, strength)
    assert all(0 <= t < len(schedule) for t in timesteps)
    gaps = [a - b for a, b in pairwise(timesteps)]
    repeats = 1 if name == "pndm-published" else 0
    clipped = count == len(schedule)  # the offset has no room in a list of every timestep
    assert sum(gap <= 0 for gap in gaps) <= repeats + clipped


def test_no_strength_asks_nothing_of_the_network():
    assert Ddim().timesteps(SD, 50, 0.0) == []
    assert DpmSolver().timesteps(SD, 12, 0.0) == []


def test_full_strength_of_flow_starts_from_pure_noise_and_stays_finite():
    schedule = schedule_of("flow")
    timesteps = DpmSolver().timesteps(schedule, 12, 1.0)
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    final = run(DpmSolver(), schedule, timesteps, gaussian_denoiser(schedule, 1.0), noise)
    assert timesteps[0] == 999
    assert torch.isfinite(final).all()
    assert float(final.std()) == pytest.approx(float(noise.std()), rel=0.05)


@pytest.mark.parametrize("name", sorted(SOLVERS))
def test_a_pass_leaves_no_trace_in_the_solver_and_keeps_the_dtype(name):
    solver = solver_named(name)
    timesteps = solver.timesteps(SD, 10, 0.6)
    noisy = torch.randn(2, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    denoise = gaussian_denoiser(SD, 0.7)
    first = run(solver, SD, timesteps, denoise, noisy)
    again = run(solver, SD, timesteps, denoise, noisy)
    assert first.dtype == torch.float32
    assert torch.equal(first, again)


@pytest.mark.parametrize("name", sorted(SOLVERS))
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample", "flow"])
def test_a_denoiser_that_knows_the_image_leads_to_it(name, prediction):
    schedule = schedule_of(prediction)
    generator = torch.Generator().manual_seed(2)
    clean, noise = (torch.randn(1, 4, 4, 4, generator=generator).double() for _ in range(2))
    timesteps = solver_named(name).timesteps(schedule, 20, 0.5)
    final = run(
        solver_named(name),
        schedule,
        timesteps,
        lambda noisy, timestep: output_for(schedule, clean, noisy, timestep),
        schedule.add_noise(clean, noise, timesteps[0]),
    )
    tolerance = 0.6 if name == "pndm-published" else 0.15
    assert float((final - clean).abs().max()) < tolerance


def test_more_denoising_steps_than_the_schedule_has_are_refused():
    with pytest.raises(InvalidInputError, match="`num_denoising_steps` must be at most 1000"):
        Ddim().timesteps(SD, 1001, 0.5)


def test_an_unknown_solver_is_answered_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="Did you mean 'ddim'"):
        solver_named("ddmi")
