"""The forecasting network, its question and its samples; weights are random here."""

import numpy as np
import pytest
import torch

from sequela.core import InvalidInputError, UnknownNameError
from sequela.imaging.grid import Grid
from sequela.simulators.lesions.config import FULL, ForecastConfig
from sequela.simulators.lesions.forecast import (
    Sampling,
    cosine_schedule,
    draw_forecasts,
    seen_channels,
)
from sequela.simulators.lesions.losses import overlap_loss, squared_error
from sequela.simulators.lesions.network import LesionForecaster, from_patches, to_patches
from sequela.simulators.lesions.prepare import PreparedVisit
from sequela.simulators.lesions.question import NUMBERS, Question, treatments
from sequela.simulators.lesions.summary import summarise

TINY = ForecastConfig(
    shape=(4, 8, 8), patch=(2, 4, 4), image_width=4, width=8, depth=2, condition_width=8
)
GRID = Grid.upright(TINY.shape, TINY.spacing_mm)


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = LesionForecaster(TINY)
        torch.nn.init.normal_(network.leave.weight, std=0.5)
        torch.nn.init.zeros_(network.leave.bias)
    return network.eval()


@pytest.fixture(scope="module")
def visit():
    brain = np.ones(TINY.shape, bool)
    brain[0] = False
    lesions = np.zeros(TINY.shape, bool)
    lesions[2, 3:5, 3:5] = True
    images = np.random.default_rng(0).uniform(-1, 1, (5, *TINY.shape)).astype(np.float32)
    return PreparedVisit(
        grid=GRID,
        images=images,
        present=np.array([True, True, True, False, True]),
        lesions=lesions,
        brain=brain,
        lesions_from="given",
        brain_from="given",
    )


def ask(treatment="placebo", years=2.0):
    return Question(treatment=treatment, horizon_years=years)


FEW = Sampling(samples=3, num_denoising_steps=4)


def test_patches_go_there_and_back():
    volume = torch.arange(2 * 4 * 8 * 8, dtype=torch.float32).reshape(2, 1, 4, 8, 8)
    patches = to_patches(volume, (2, 4, 4))
    assert patches.shape == (2, 32, 2, 2, 2)
    torch.testing.assert_close(from_patches(patches, (2, 4, 4)), volume)
    assert set(patches[0, :, 0, 0, 0].tolist()) == set(volume[0, 0, :2, :4, :4].flatten().tolist())


def test_forecasts_stay_in_the_brain_and_out_of_old_lesions(network, visit):
    masks = draw_forecasts(network, visit, ask(), FEW)
    assert masks.shape == (3, *TINY.shape)
    assert masks.any()
    assert not (masks & visit.lesions).any()
    assert not (masks & ~visit.brain).any()


def test_the_same_seed_gives_the_same_forecast_and_another_does_not(network, visit):
    first = draw_forecasts(network, visit, ask(), FEW)
    np.testing.assert_array_equal(first, draw_forecasts(network, visit, ask(), FEW))
    other = Sampling(samples=3, num_denoising_steps=4, seed=1)
    assert (first != draw_forecasts(network, visit, ask(), other)).any()


def test_a_sample_does_not_depend_on_how_many_are_drawn(network, visit):
    more = draw_forecasts(network, visit, ask(), Sampling(samples=5, num_denoising_steps=4))
    np.testing.assert_array_equal(more[:3], draw_forecasts(network, visit, ask(), FEW))


def test_nothing_has_come_at_horizon_0_under_any_treatment(network, visit):
    for treatment in treatments():
        assert not draw_forecasts(network, visit, ask(treatment, 0.0), FEW).any()


def test_guidance_0_forgets_the_treatment_and_1_is_the_plain_forecast(network, visit):
    none = Sampling(samples=3, num_denoising_steps=4, guidance_scale=0.0)
    np.testing.assert_array_equal(
        draw_forecasts(network, visit, ask("natalizumab"), none),
        draw_forecasts(network, visit, ask("unknown"), FEW),
    )


def test_the_schedule_goes_from_clean_to_noise():
    schedule = cosine_schedule(250)
    assert schedule.at(0)[1] < 0.05
    assert schedule.at(249)[0] < 0.05
    assert (schedule.alpha.diff() < 0).all()


def test_a_trained_overlap_is_no_loss_and_all_gradients_arrive(visit):
    clean = -torch.ones(2, 1, *TINY.shape)
    clean[0, 0, 1, 2:4, 2:4] = 1
    within = torch.ones_like(clean)
    noise = torch.zeros(2)
    assert squared_error(clean, clean, within) == 0
    assert overlap_loss(clean, clean, within, noise) == pytest.approx(0, abs=1e-4)
    assert overlap_loss(-clean, clean, within, noise) > 0.4
    network = LesionForecaster(TINY)
    torch.nn.init.normal_(network.leave.weight, std=0.1)
    seen = seen_channels(visit).expand(2, -1, -1, -1, -1)
    features = network.encode(seen, torch.ones(2, 5))
    told = torch.tensor([0, 1])
    out = network(clean, features, torch.rand(2), told, torch.randn(2, NUMBERS))
    (squared_error(out, clean, within) + overlap_loss(out, clean, within, noise)).backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name


def test_questions_name_their_treatment_and_what_is_beyond_training():
    with pytest.raises(UnknownNameError, match="natalizumab"):
        ask("natalizumap")
    with pytest.raises(InvalidInputError, match="`horizon_years` must be a finite number"):
        ask(years=-1.0)
    assert not ask().warnings(3.0)
    assert "extrapolation" in ask(years=4.0).warnings(3.0)[0]
    assert "averages" in ask("unknown").warnings(3.0)[0]


def test_unknown_covariates_are_told_apart_from_typical_ones():
    typical = Question(treatment="placebo", horizon_years=1.0, age_years=37.0)
    assert typical.numbers.shape == (NUMBERS,)
    assert (typical.numbers != ask(years=1.0).numbers).any()


def test_samples_are_summed_up():
    masks = np.zeros((4, *TINY.shape), bool)
    masks[0, 1, 1, 1] = masks[1, 1, 1, 1] = masks[1, 3, 6, 6] = True
    summary = summarise(masks, GRID)
    assert summary.counts.tolist() == [1, 2, 0, 0]
    assert summary.chances[1, 1, 1] == 0.5
    assert summary.activity == pytest.approx(2.5 / 5)
    assert summary.volumes_ml[1] == pytest.approx(2 * GRID.voxel_ml)
    assert summary.interval()[0] == 0


def test_patches_must_divide_the_grid_and_the_full_size_does():
    assert FULL.coarse == (28, 52, 44)
    with pytest.raises(InvalidInputError, match="`patch` must divide `shape`"):
        ForecastConfig(shape=(5, 8, 8))
