"""Step by step against the schedulers of diffusers, fed with the same made-up network outputs.

Tolerance 1e-4 of the largest value, as the parity table of the published system has it.
"""

import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, PNDMScheduler

from sequela.diffusion import Ddim, DpmSolver, PublishedPndm, scaled_linear_schedule

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # diffusers'
]
STABLE_DIFFUSION = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def _network(noisy: torch.Tensor, timestep: int) -> torch.Tensor:
    return torch.tanh(noisy * (0.5 + timestep / 1000)) + 0.1 * torch.sin(3 * noisy)


def _assert_same_walk(solver, scheduler, timesteps, prediction) -> None:
    schedule = scaled_linear_schedule(prediction=prediction)
    ours = theirs = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    stepper = solver.start(schedule, timesteps)
    for index, timestep in enumerate(timesteps):
        theirs = scheduler.step(_network(theirs, timestep), timestep, theirs).prev_sample
        ours = stepper.step(_network(ours, timestep), ours, index)
        bound = 1e-4 * float(theirs.abs().max())
        assert float((ours - theirs).abs().max()) <= bound, f"denoising step {index}"


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(("count", "strength"), [(50, 0.5), (50, 0.6), (50, 1.0), (20, 0.3)])
def test_ddim_walks_as_in_diffusers(count, strength, prediction):
    scheduler = DDIMScheduler(
        **STABLE_DIFFUSION,
        steps_offset=1,
        set_alpha_to_one=False,
        clip_sample=False,
        prediction_type=prediction,
    )
    scheduler.set_timesteps(count)
    theirs = scheduler.timesteps.tolist()[count - int(count * strength) :]
    kept = Ddim().timesteps(scaled_linear_schedule(), count, strength)
    assert kept == theirs
    _assert_same_walk(Ddim(), scheduler, kept, prediction)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(
    ("count", "strength"), [(50, 0.5), (50, 0.6), (50, 1.0), (50, 0.02), (50, 0.0), (20, 0.3)]
)
def test_pndm_as_published_walks_as_in_diffusers(count, strength, prediction):
    scheduler = PNDMScheduler(
        **STABLE_DIFFUSION,
        steps_offset=1,
        set_alpha_to_one=False,
        skip_prk_steps=True,
        prediction_type=prediction,
    )
    scheduler.set_timesteps(count)
    theirs = scheduler.timesteps.tolist()[count - int(count * strength) :]
    kept = PublishedPndm().timesteps(scaled_linear_schedule(), count, strength)
    assert kept == theirs
    _assert_same_walk(PublishedPndm(), scheduler, kept, prediction)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(("count", "strength"), [(12, 0.5), (12, 1.0), (20, 0.6)])
def test_dpm_solver_walks_as_in_diffusers(count, strength, prediction):
    scheduler = DPMSolverMultistepScheduler(
        **STABLE_DIFFUSION,
        algorithm_type="dpmsolver++",
        solver_order=2,
        lower_order_final=True,  # theirs below 15 steps only, ours always
        final_sigmas_type="sigma_min",
        prediction_type=prediction,
    )
    kept = DpmSolver().timesteps(scaled_linear_schedule(), count, strength)
    scheduler.set_timesteps(timesteps=kept)
    assert len(kept) < 15
    _assert_same_walk(DpmSolver(), scheduler, kept, prediction)
