"""The forecasting network, its question and its samples; weights are random here."""

import numpy as np
import pytest
import torch

from sequela.core import InvalidInputError, UnknownNameError
from sequela.imaging.grid import Grid
from sequela.simulators.lesions.burden import Burden, burden_of
from sequela.simulators.lesions.config import FULL, ForecastConfig
from sequela.simulators.lesions.count_head import CountHead, quantiles
from sequela.simulators.lesions.counterfactual import compare
from sequela.simulators.lesions.forecast import (
    Sampling,
    cosine_schedule,
    forecast,
    level_of,
    timesteps_of,
)
from sequela.simulators.lesions.losses import overlap_loss, voxel_loss
from sequela.simulators.lesions.network import (
    TOLD_NUMBERS,
    LesionForecaster,
    Told,
    from_patches,
    to_patches,
)
from sequela.simulators.lesions.places import free_voxels, place_visit, seen_channels
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
        torch.nn.init.normal_(network.counts.bent[-1].weight, std=0.3)
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


FEW = Sampling(samples=6, num_denoising_steps=4)


def test_patches_go_there_and_back():
    volume = torch.arange(2 * 4 * 8 * 8, dtype=torch.float32).reshape(2, 1, 4, 8, 8)
    patches = to_patches(volume, (2, 4, 4))
    assert patches.shape == (2, 32, 2, 2, 2)
    torch.testing.assert_close(from_patches(patches, (2, 4, 4)), volume)
    assert set(patches[0, :, 0, 0, 0].tolist()) == set(volume[0, 0, :2, :4, :4].flatten().tolist())


def test_forecasts_stay_in_the_brain_and_out_of_old_lesions(network, visit):
    masks = forecast(network, visit, ask(), FEW).masks
    assert masks.shape == (6, *TINY.shape)
    assert masks.any()
    assert not (masks & ~free_voxels(visit)).any()


def test_the_same_seed_gives_the_same_forecast_and_another_does_not(network, visit):
    first = forecast(network, visit, ask(), FEW).masks
    np.testing.assert_array_equal(first, forecast(network, visit, ask(), FEW).masks)
    other = Sampling(samples=6, num_denoising_steps=4, seed=1)
    assert (first != forecast(network, visit, ask(), other).masks).any()


def test_a_sample_does_not_depend_on_how_many_are_drawn(network, visit):
    more = forecast(network, visit, ask(), Sampling(samples=8, num_denoising_steps=4))
    np.testing.assert_array_equal(more.masks[:6], forecast(network, visit, ask(), FEW).masks)


def test_nothing_has_come_at_horizon_0_under_any_treatment(network, visit):
    for treatment in treatments():
        none = forecast(network, visit, ask(treatment, 0.0), FEW)
        assert not none.masks.any()
        assert not none.chances.any()
        assert none.expected_count == 0
        assert none.activity == 0


def test_another_treatment_changes_nothing_at_horizon_0_and_something_later(network, visit):
    others = ["natalizumab", "placebo"]
    at_once = compare(network, visit, ask("unknown", 0.0), others, FEW)
    later = compare(network, visit, ask("unknown", 2.0), others, FEW)
    assert list(later) == others
    for name in others:
        assert not at_once[name].difference.any()
        assert not at_once[name].spared.any()
        assert at_once[name].expected_spared == 0
        assert later[name].difference.any()
    same = compare(network, visit, ask("placebo"), ["placebo"], FEW)["placebo"]
    assert not same.difference.any()
    assert same.rate_ratio == 1


def test_a_comparison_needs_another_treatment_that_exists(network, visit):
    with pytest.raises(InvalidInputError, match="`versus` must name"):
        compare(network, visit, ask(), [], FEW)
    with pytest.raises(UnknownNameError, match="placebo"):
        compare(network, visit, ask(), ["placbo"], FEW)


def test_guidance_0_forgets_the_treatment_and_1_is_the_plain_forecast(network, visit):
    none = Sampling(samples=6, num_denoising_steps=4, guidance_scale=0.0)
    forgotten = forecast(network, visit, ask("natalizumab"), none)
    unknown = forecast(network, visit, ask("unknown"), FEW)
    np.testing.assert_allclose(forgotten.count_chances, unknown.count_chances, atol=1e-6)
    np.testing.assert_array_equal(forgotten.masks, unknown.masks)


def test_a_mask_holds_more_voxels_where_more_lesions_were_drawn(network, visit):
    told = forecast(network, visit, ask(), Sampling(samples=24, num_denoising_steps=6))
    assert not told.masks[told.drawn_counts == 0].any()
    size = told.masks.sum((1, 2, 3))
    assert np.corrcoef(told.drawn_counts, size)[0, 1] > 0.5


def test_without_context_chances_are_the_exact_posterior_of_the_prior_map(visit):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = LesionForecaster(TINY)  # its context is 0 before training
    free = torch.from_numpy(free_voxels(visit))[None, None]
    known = network.encode(seen_channels(visit), torch.ones(1, 5), free)
    torch.testing.assert_close(known.base.exp().sum(), torch.tensor(1.0))
    level = level_of(cosine_schedule(TINY.timesteps), [60])
    noisy = torch.randn(1, 1, *TINY.shape, generator=torch.Generator().manual_seed(0))
    told = Told(treatment=torch.tensor([1]), numbers=torch.zeros(1, TOLD_NUMBERS))
    odds = network(noisy, level, known, told, torch.tensor([2.0]))
    prior = (known.base + network.log_size + np.log(2.0)).clamp(max=-0.5)
    ones, none = (-((noisy - sign * level.signal) ** 2) / (2 * level.noise**2) for sign in (1, -1))
    expected = torch.where(free, prior + ones - none, torch.tensor(-30.0))
    torch.testing.assert_close(odds, expected, rtol=1e-4, atol=1e-3)


def test_counts_are_a_distribution_and_quantiles_rise():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = CountHead(TOLD_NUMBERS, 8)
    numbers = torch.zeros(3, TOLD_NUMBERS)
    numbers[:, 0] = torch.tensor([0.5, 1.0, 0.0])  # half the years
    with torch.no_grad():
        counts = head(torch.tensor([1, 1, 1]), numbers)
    table = counts.table()
    torch.testing.assert_close(table.sum(1), torch.ones(3))
    assert table[2, 0] > 0.999  # no time, no lesions
    mean = (table * torch.arange(table.shape[1])).sum(1)
    torch.testing.assert_close(mean, counts.means, rtol=0.02, atol=1e-3)
    drawn = quantiles(table[:1], torch.linspace(0.01, 0.99, 50))
    assert (drawn.diff() >= 0).all()
    assert float(drawn.float().mean()) == pytest.approx(float(mean[0]), rel=0.25)


def test_a_visit_is_placed_where_training_patients_were(visit):
    placed = place_visit(visit, TINY)
    inside = placed.brain.mean()
    assert placed.grid.shape == TINY.shape
    assert inside == pytest.approx(visit.brain.mean(), abs=0.3)
    burden = burden_of(visit)
    assert (burden.lesions, burden.load_ml) == (1, pytest.approx(4 * GRID.voxel_ml))


def test_the_schedule_goes_from_clean_to_noise():
    schedule = cosine_schedule(250)
    assert schedule.at(0)[1] < 0.05
    assert schedule.at(249)[0] < 0.05
    assert (schedule.alpha.diff() < 0).all()
    steps = timesteps_of(schedule, 10)
    assert steps[0] == 249
    assert steps == sorted(steps, reverse=True)


def test_a_right_mask_is_no_loss_and_all_gradients_arrive(visit):
    truth = torch.zeros(2, 1, *TINY.shape)
    truth[0, 0, 1, 2:4, 2:4] = 1
    within, noise, count = torch.ones_like(truth), torch.zeros(2), torch.tensor([1.0, 0.0])
    sure = 40 * (2 * truth - 1)
    assert voxel_loss(sure, truth, within, count).max() == pytest.approx(0, abs=1e-4)
    assert overlap_loss(truth, truth, within, noise).max() == pytest.approx(0, abs=1e-4)
    assert overlap_loss(0 * truth, truth, within, noise).tolist() == pytest.approx([1, 0], abs=1e-3)
    network = LesionForecaster(TINY)
    for name, weight in network.named_parameters():  # those that begin at 0 block gradients
        if name.endswith("weight") and not weight.any():
            torch.nn.init.normal_(weight, std=0.1)
    free = torch.from_numpy(free_voxels(visit)).expand(2, 1, -1, -1, -1)
    known = network.encode(seen_channels(visit).expand(2, -1, -1, -1, -1), torch.ones(2, 5), free)
    told = Told(treatment=torch.tensor([0, 1]), numbers=torch.randn(2, TOLD_NUMBERS))
    level = level_of(cosine_schedule(TINY.timesteps), [60, 120])
    odds = network(2 * truth - 1, level, known, told, count + 1)
    counts = network.counts(told.treatment, told.numbers.abs()).log_chance(count)
    (voxel_loss(odds, truth, within, count).sum() - counts.sum()).backward()
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


def test_a_burden_that_no_training_patient_had_is_told():
    few, usual, many = (Burden(lesions=n, load_ml=1.0, enhancing=None) for n in (1, 60, 999))
    assert not usual.warnings((3, 363))
    for burden in (few, many):
        (told,) = burden.warnings((3, 363))
        assert str(burden.lesions) in told
        assert "3 to 363" in told
