"""From scans at dates to a trajectory: kinds, geometry, exactness outside the lungs, replay."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from sequela.core import InvalidInputError, UnknownNameError
from sequela.imaging.grid import Grid
from sequela.simulators.lungs.asked import ForecastRequest, check_days, check_times, times_until
from sequela.simulators.lungs.extrapolate import LungExtrapolation, extrapolate_again
from sequela.simulators.lungs.facts import PatientFacts
from sequela.simulators.lungs.model import load_lung_model
from sequela.simulators.lungs.population import (
    PopulationChange,
    fit_population,
    load_population,
    save_population,
)
from sequela.simulators.lungs.prepare import prepare
from sequela.simulators.lungs.resampling import model_grid, shares_in_time
from tests.simulators.lung_samples import GRID, SHAPE, SPACING, lungs, scan, volume, write_model

WINDOW = (-1000.0, 400.0)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    model = load_lung_model(str(write_model(tmp_path_factory.mktemp("model"))))
    torch.nn.init.normal_(model.engine.forecaster.head.bias, 0, 0.3)
    return LungExtrapolation(model=model, registration="none")


def two_scans():
    return [scan(volume()), scan(volume(dense=0.2, seed=1), name="later.nii.gz")]


def request(years=(0.0, 1.0), wanted=(0.5, 2.0), **options):
    return ForecastRequest(years=years, wanted_years=wanted, **options)


def test_states_are_observed_between_and_beyond(engine):
    run = engine.simulate(two_scans(), request())
    kinds = [state.kind for state in run.states]
    assert kinds == ["observed", "interpolated", "observed", "simulated"]
    assert [state.time_years for state in run.states] == [0.0, 0.5, 1.0, 2.0]
    assert run.main.time_basis == "measured"


def test_outside_the_lungs_every_state_is_the_baseline_bit_for_bit(engine):
    scans = two_scans()
    run = engine.simulate(scans, request())
    outside = run.regions["effective"].array == 0
    for state in run.states:
        assert state.image.dtype == np.int16
        assert np.array_equal(state.image[outside], scans[0].array[outside])
    assert not np.array_equal(run.states[-1].image, scans[0].array)


def test_a_run_is_made_again_from_its_own_states(engine):
    run = engine.simulate(two_scans(), request(facts=PatientFacts(age_years=70.0)))
    again = extrapolate_again(run, engine.model)
    for first, second in zip(run.states, again.states, strict=True):
        assert np.array_equal(first.image, second.image)
        assert first.scores == second.scores


def test_facts_are_told_as_the_training_told_them():
    facts = PatientFacts(age_years=76.0, sex="male", treatment="none")
    assert dict(facts.numbers()) == {"age": 1.0, "male": 1.0, "treated": 0.0}
    with pytest.raises(UnknownNameError, match="antifibrotic"):
        PatientFacts(treatment="antifibrotics")


def test_a_scan_on_a_finer_grid_keeps_its_geometry_and_its_scans(engine):
    fine = Grid.upright((24, 48, 48), (8.0, 6.0, 6.0), (5.0, -3.0, 40.0))
    scans = [scan(volume(fine), fine), scan(volume(fine, dense=0.2), fine)]
    run = engine.simulate(scans, request(wanted=(1.0 - 3 / 365.25, 2.0)))
    assert run.states[-1].image.shape == fine.shape
    # three days before the second scan the forecast is nearly that scan, with its full detail
    inside = run.regions["effective"].array > 0
    gap = np.abs(run.states[1].image.astype(float) - run.states[2].image)[inside]
    assert np.median(gap) <= 5


def test_a_follow_up_on_another_grid_comes_onto_the_baselines(engine):
    other = Grid.upright((20, 40, 40), (9.0, 7.0, 7.0), (0.0, 0.0, 35.0))
    run = engine.simulate([scan(volume()), scan(volume(other), other)], request())
    assert run.states[2].image.shape == SHAPE


def test_one_scan_follows_the_population_and_says_so(engine):
    change = PopulationChange(hu_per_year=np.full((4, 4, 4), 50.0, np.float32), card={"name": "d"})
    alone = LungExtrapolation(model=engine.model, population=change)
    run = alone.simulate([scan(volume())], request(years=(0.0,), wanted=(2.0,)))
    inside = run.regions["effective"].array > 0
    moved = run.states[1].image.astype(float) - run.states[0].image
    assert run.record.method == "population-drift"
    assert np.median(moved[inside]) == pytest.approx(100, abs=2)
    assert any("population drift" in notice for notice in run.record.notices)


def test_one_scan_without_a_population_is_refused(engine):
    with pytest.raises(InvalidInputError, match="at least two"):
        engine.simulate([scan(volume())], request(years=(0.0,)))


def test_samples_of_what_draws_nothing_are_refused(engine):
    with pytest.raises(InvalidInputError, match="draws nothing by chance"):
        engine.simulate(two_scans(), request(samples=2))


def test_times_beyond_the_training_are_told(engine):
    run = engine.simulate(two_scans(), request(wanted=(6.0,)))
    assert any("beyond the longest" in notice for notice in run.record.notices)


def test_the_population_is_the_mean_change_and_survives_its_file(tmp_path):
    inside = lungs()
    first = volume().astype(np.float32)
    cases = [(np.stack([first, first + 60.0 * inside]), np.array([0.0, 2.0]), inside)]
    change = fit_population(cases, {"name": "drift"})
    save_population(change, tmp_path / "drift.safetensors")
    back = load_population(tmp_path / "drift.safetensors").over(inside)
    assert np.median(back.hu_per_year[inside]) == pytest.approx(30, rel=0.05)
    later = back(first[None], np.zeros(1), np.array([2.0]))[0]
    assert np.array_equal(later[~inside], first[~inside])


def test_the_bundled_population_grows_denser_at_the_base():
    drift = load_population().hu_per_year
    assert drift[:6].mean() > 2 * drift[-6:].mean() > 0


def test_a_scan_of_the_models_spacing_keeps_its_grid():
    kept = model_grid(lungs(), GRID, spacing_mm=SPACING, shape=SHAPE, factor=4)
    assert kept is GRID


def test_a_large_chest_gets_a_larger_grid_of_the_models_spacing():
    wide = Grid.upright((16, 32, 32), (20.0, 15.0, 15.0))
    mask = np.zeros(wide.shape, bool)
    mask[1:-1, 2:-2, 2:-2] = True
    made = model_grid(mask, wide, spacing_mm=SPACING, shape=SHAPE, factor=4)
    assert made.spacing_mm == pytest.approx(SPACING)
    assert all(side % 4 == 0 for side in made.shape)
    points = np.argwhere(mask) @ wide.affine[:3, :3].T + wide.affine[:3, 3]
    indices = made.indices_of(points)
    assert (indices >= 0).all()
    assert (indices <= np.array(made.shape) - 1).all()


def test_shares_in_time_meet_the_scans():
    assert shares_in_time([0.0, 1.0], 0.25) == [(0, 0.75), (1, 0.25)]
    assert shares_in_time([0.0, 1.0], 3.0) == [(1, 1.0)]


def test_scans_on_each_other_are_not_warped():
    pair = [scan(volume()), scan(volume(dense=0.15, seed=2))]
    pytest.importorskip("convexAdam")
    made = prepare(pair, window_hu=WINDOW, lungs=lungs())
    assert made.alignments[0].field is None
    assert "taken as it lies" in " ".join(made.notices)


def test_follow_ups_show_the_baseline_outside_the_lungs():
    pair = [scan(volume()), scan(ndimage.shift(volume(seed=3), (0, 0, 1), order=0, cval=-1000))]
    made = prepare(pair, window_hu=WINDOW, registration="none", lungs=lungs())
    assert np.array_equal(made.volumes[1][~made.lungs], made.volumes[0][~made.lungs])


REFUSED = {
    "an MR": (lambda v: np.abs(v), "Hounsfield"),
    "no lungs": (lambda v: np.where(lungs(), 40, v).astype(np.int16), "must show lungs"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_chest_ct_is_refused(name, engine):
    change, words = REFUSED[name]
    with pytest.raises(InvalidInputError, match=words):
        engine.simulate([scan(change(volume())), scan(volume())], request())


def test_days_and_times_are_checked():
    for days in ([0.0, 0.0], [0.0, -3.0], [5.0, 9.0], [0.0]):
        with pytest.raises(InvalidInputError, match="`days`"):
            check_days(days, 2)
    for times in ([-1.0], [200.0], [float("nan")], [0.0, 1.0]):
        with pytest.raises(InvalidInputError, match="`wanted_years`"):
            check_times(times, [0.0, 1.0])
    assert check_times([2.0, 0.5, 1.0], [0.0, 1.0]) == [0.5, 2.0]


def test_times_end_with_the_horizon():
    assert times_until(2.0, 0.5) == [0.5, 1.0, 1.5, 2.0]
    assert times_until(1.25, 0.5) == [0.5, 1.0, 1.25]
    assert times_until(0.2, 0.5) == [0.2]


@pytest.mark.parametrize(
    ("horizon", "every", "name"),
    [
        (0.0, 0.5, "horizon_years"),
        (21.0, 0.5, "horizon_years"),
        (float("nan"), 0.5, "horizon_years"),
        (1.0, 0.0, "every_years"),
        (3.0, 0.001, "every_years"),
    ],
)
def test_times_that_cannot_be_asked_for_are_refused(horizon, every, name):
    with pytest.raises(InvalidInputError, match=f"`{name}`"):
        times_until(horizon, every)
