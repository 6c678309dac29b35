"""A forecast as a trajectory: branches, grids, counterfactuals, the run folder, replay."""

import re

import numpy as np
import pytest

import sequela
from sequela.core import CheckpointError, InvalidInputError, UnknownNameError
from sequela.imaging.grid import Grid
from sequela.imaging.regrid import regrid_nearest
from sequela.simulators.lesions import VisitImages
from sequela.simulators.lesions.engine import (
    NO_ADVICE,
    ForecastRequest,
    LesionForecasting,
    forecast_again,
)
from sequela.simulators.lesions.forecast import Sampling
from sequela.simulators.lesions.model import load_lesion_model
from sequela.simulators.lesions.question import Question
from tests.simulators.lesions.patient import PATIENT_GRID, as_scan, drawn_arrays


def request(years=2.0, versus=("placebo",), samples=3):
    return ForecastRequest(
        question=Question(treatment="fingolimod", horizon_years=years),
        versus=versus,
        sampling=Sampling(samples=samples, num_denoising_steps=3, seed=5),
    )


@pytest.fixture(scope="module")
def visit():
    scans = {name: as_scan(array, name) for name, array in drawn_arrays().items()}
    lesions, brain = scans.pop("lesions"), scans.pop("brain")
    return VisitImages(sequences=scans, lesions=lesions, brain=brain)


@pytest.fixture(scope="module")
def engine(untaught):
    return LesionForecasting(model=untaught, register=False)


@pytest.fixture(scope="module")
def made(engine, visit):
    return engine.simulate(visit, request())


def test_arms_and_samples_are_branches_on_the_inputs_grid(made):
    ids = [branch.id for branch in made.branches]
    assert ids[:2] == ["main", "versus-placebo"]
    assert len(ids) == 2 + 2 * 3
    assert made.main.arm == "fingolimod"
    assert [s.role for s in made.states] == ["image", "probability"]
    for branch in made.branches:
        assert branch.states[-1].image.shape == PATIENT_GRID.shape
        assert branch.states[-1].time_years == 2.0
    masks = [b.states[-1] for b in made.branches if b.states[-1].role == "mask"]
    assert all(set(np.unique(m.image)) <= {0, 1} for m in masks)


def test_no_forecast_lesion_lies_in_an_old_one_or_outside_the_brain(made):
    free = (drawn_arrays()["brain"] > 0) & (drawn_arrays()["lesions"] == 0)
    for branch in made.branches:
        assert not branch.states[-1].image[~free].any()


def test_the_difference_is_that_of_the_chances(made):
    other = made.branch("versus-placebo").states[-1]
    own = made.states[-1]
    np.testing.assert_allclose(other.layers["difference"], own.image - other.image, atol=1e-6)
    assert other.scores["rate_ratio"] == pytest.approx(
        own.scores["expected_count"] / other.scores["expected_count"]
    )


def test_intervals_hold_their_middle_and_chances_sum_to_one(made):
    for scores in (made.states[-1].scores, made.branch("versus-placebo").states[-1].scores):
        assert scores["count_low95"] <= scores["count_low80"]
        assert scores["count_high80"] <= scores["count_high95"]
        chances = [value for name, value in scores.items() if name.startswith("chance_of_")]
        assert sum(chances) == pytest.approx(1, abs=1e-4)
        assert scores["activity"] == pytest.approx(1 - scores["chance_of_0_to_0"], abs=1e-5)


def test_at_horizon_zero_nothing_comes_and_no_treatment_differs(engine, visit):
    made = engine.simulate(visit, request(years=0.0))
    for branch in made.branches:
        assert not branch.states[-1].image.any()
    assert not made.branch("versus-placebo").states[-1].layers["difference"].any()
    assert made.branch("versus-placebo").states[-1].scores["spared"] == 0


def test_a_saved_run_replays_to_the_bit(made, untaught, tmp_path):
    made.save(tmp_path / "run")
    back = sequela.open_run(tmp_path / "run")
    again = forecast_again(back, untaught)
    for one, two in zip(back.branches, again.branches, strict=True):
        assert one.id == two.id
        assert np.array_equal(one.states[-1].image, two.states[-1].image)
        assert one.states[-1].scores == pytest.approx(two.states[-1].scores)
    assert (tmp_path / "run/branches/placebo-sample-1/states/001.nii.gz").is_file()


def test_the_page_begins_with_no_advice_and_needs_no_network(made, tmp_path):
    made.save(tmp_path / "run")
    page = (tmp_path / "run/report.html").read_text()
    body = page.split("<body>")[1]
    assert body.strip().startswith(f'<p class="advice" role="note">{NO_ADVICE}')
    plain = re.sub(r'<script type="application/octet-stream".*?</script>', "", page, flags=re.S)
    assert "http://" not in plain.replace("http-equiv", "")
    assert "https://" not in plain
    assert "fingolimod less placebo" in page


def test_beyond_the_training_range_the_result_itself_warns(engine, visit):
    made = engine.simulate(visit, request(years=9.0, versus=(), samples=1))
    assert any("lies beyond the 3 years" in notice for notice in made.record.notices)
    unknown = ForecastRequest(
        question=Question(treatment="unknown", horizon_years=1.0), sampling=request().sampling
    )
    assert any("averages" in n for n in engine.simulate(visit, unknown).record.notices)


def test_another_model_is_not_replayed_with(made, untaught):
    other = type(untaught)(network=untaught.network, card={**untaught.card, "sha256": "0" * 64})
    with pytest.raises(InvalidInputError, match="must be the recorded one"):
        forecast_again(made, other)


def test_a_treatment_is_not_compared_with_itself_or_an_unknown_name():
    with pytest.raises(InvalidInputError, match="other treatments"):
        request(versus=("fingolimod",))
    with pytest.raises(UnknownNameError, match="natalizumab"):
        request(versus=("natalizumap",))


def test_a_folder_without_a_forecaster_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="must hold"):
        load_lesion_model(str(tmp_path))


def test_a_request_survives_its_record():
    asked = request()
    assert ForecastRequest.from_json(asked.to_json(), 5) == asked


def test_a_lesion_keeps_its_size_on_a_finer_grid():
    coarse = Grid.upright((4, 8, 8), (6.0, 3.0, 3.0))
    fine = Grid.upright((24, 24, 24), (1.0, 1.0, 1.0))
    mask = np.zeros(coarse.shape, bool)
    mask[1:3, 4, 5] = True
    moved = regrid_nearest(mask, coarse, fine)
    assert moved.sum() * fine.voxel_ml == pytest.approx(mask.sum() * coarse.voxel_ml)
