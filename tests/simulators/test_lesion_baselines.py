"""Baselines of lesion forecasts: what each must say, by construction."""

import numpy as np
import pytest
import torch

from sequela.core import InvalidInputError
from sequela.imaging.grid import Grid
from sequela.simulators.baselines.lesion_answer import (
    LesionAnswer,
    gamma_poisson_chances,
    poisson_chances,
    shares_of,
    sure_of,
)
from sequela.simulators.baselines.lesions import (
    CountRegression,
    Followed,
    OneShot,
    PriorMap,
    columns,
    enhancing_persist,
    no_lesion,
    scattered,
    swapped,
)
from sequela.simulators.lesions.burden import Burden, burden_of
from sequela.simulators.lesions.config import ForecastConfig
from sequela.simulators.lesions.network import LesionForecaster
from sequela.simulators.lesions.places import free_voxels
from sequela.simulators.lesions.prepare import PreparedVisit
from sequela.simulators.lesions.question import Question

SHAPE = (8, 16, 16)
GRID = Grid.upright(SHAPE, (18.0, 12.0, 10.0), centre_mm=(0.0, 16.0, 8.0))
YEARS = np.array([0.5, 1.0, 2.0, 3.0])


@pytest.fixture
def visit():
    brain = np.zeros(SHAPE, bool)
    brain[1:-1, 2:-2, 2:-2] = True
    lesions = np.zeros(SHAPE, bool)
    lesions[4, 8, 5:7] = lesions[5, 9, 10] = True
    images = np.full((5, *SHAPE), -0.2, np.float32)
    images[4, 4, 8, 5:7] = 0.5  # bright after gadolinium alone
    return PreparedVisit(
        grid=GRID,
        images=images,
        present=np.ones(5, bool),
        lesions=lesions,
        brain=brain,
        lesions_from="given",
        brain_from="given",
    )


def ask(treatment="placebo", years=2.0, age=37.0):
    return Question(treatment=treatment, horizon_years=years, age_years=age)


def trial(count=4000):
    """Counts from a known regression: rate 5 a year, 1.5 times for each log unit of lesions."""
    rng = np.random.default_rng(0)
    rows = []
    for k in range(count):
        burden = Burden(lesions=int(rng.integers(10, 200)), load_ml=12.0, enhancing=0)
        treatment = ("placebo", "natalizumab")[k % 2]
        question = ask(treatment, float(YEARS[k % 4]))
        mean = 5 * question.horizon_years * (0.2 if treatment == "natalizumab" else 1)
        mean *= 1.5 ** burden.numbers[0]
        lesions = int(rng.poisson(mean * rng.gamma(0.8) / 0.8))
        rows.append(Followed(question=question, burden=burden, lesions=lesions, voxels=3 * lesions))
    return rows


def test_regression_finds_what_was_planted():
    fitted = CountRegression.fit(trial())
    burden = Burden(lesions=54, load_ml=12.0, enhancing=0)
    assert fitted.mean(ask("placebo"), burden) == pytest.approx(10, rel=0.12)
    ratio = fitted.mean(ask("natalizumab"), burden) / fitted.mean(ask("placebo"), burden)
    assert ratio == pytest.approx(0.2, rel=0.15)
    assert fitted.shape == pytest.approx(0.8, rel=0.15)
    assert fitted.voxels == pytest.approx(3)
    at = np.log(1.5)
    assert fitted.weights[len(columns(ask(), burden)) - 4] == pytest.approx(at, abs=0.1)


def test_the_prior_map_has_the_placebo_rate_times_the_rate_ratio(visit):
    rows = [
        Followed(question=ask(years=2.0), burden=burden_of(visit), lesions=n, voxels=2 * n)
        for n in (0, 4, 30, 6)
    ]
    fitted = PriorMap.fit(rows)
    assert fitted.placebo_rate == pytest.approx(5.0)
    placebo, treated = (fitted(visit, ask(name, 1.0)) for name in ("placebo", "natalizumab"))
    assert placebo.expected_count == pytest.approx(5.0, rel=0.02)
    assert treated.expected_count == pytest.approx(5.0 * 0.17, rel=0.02)
    assert (treated.chances <= placebo.chances).all()
    with pytest.raises(InvalidInputError, match="`rows` must hold patients of the placebo arm"):
        PriorMap.fit([row for row in trial(2) if row.question.treatment != "placebo"])


def test_scattered_chances_lie_in_free_voxels_and_sum_to_what_was_asked(visit):
    chances = scattered(visit, 3.0)
    assert not chances[~free_voxels(visit)].any()
    assert chances.sum() == pytest.approx(3.0, rel=0.1)


def test_persistence_puts_lesions_around_those_that_enhance(visit):
    answer = enhancing_persist(visit, ask())
    assert answer.expected_count == 1
    assert answer.chances[4, 7, 5] > 0
    assert answer.chances[5, 9, 9] == 0  # beside an old lesion that does not enhance
    without = swapped(visit, visit)
    blind = PreparedVisit(**{**vars(without), "present": np.array([1, 1, 1, 1, 0], bool)})
    assert enhancing_persist(blind, ask()).expected_count == 0


def test_nothing_comes_for_sure_when_nothing_is_forecast(visit):
    answer = no_lesion(visit, ask())
    assert answer.activity == 0
    assert not answer.likeliest.any()


def test_count_distributions_have_their_means():
    for chances in (poisson_chances(3.0), gamma_poisson_chances(3.0, 0.5)):
        assert chances.sum() == pytest.approx(1)
        assert chances @ np.arange(len(chances)) == pytest.approx(3.0, rel=0.01)
    assert gamma_poisson_chances(3.0, 0.5)[0] > poisson_chances(3.0)[0]
    assert sure_of(2)[2] == 1
    assert shares_of(np.array([0, 2, 2, 2]))[2] == 0.75


def test_the_likeliest_mask_has_as_many_voxels_as_are_expected():
    chances = np.zeros(SHAPE, np.float32)
    chances[1, 1, 1:6] = (0.9, 0.8, 0.2, 0.1, 0.05)
    answer = LesionAnswer(chances=chances, count_chances=sure_of(1))
    assert np.flatnonzero(answer.likeliest[1, 1]).tolist() == [1, 2]


def test_the_one_shot_network_counts_what_its_chances_sum_up_to(visit):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = LesionForecaster(
            ForecastConfig(
                shape=SHAPE, image_width=2, width=4, depth=1, condition_width=8, count_width=4
            )
        ).eval()
    answer = OneShot(network=network, voxels=2.5)(visit, ask())
    assert answer.chances[~free_voxels(visit)].max() < 1e-9
    total = float(answer.chances.sum())
    assert answer.expected_count == pytest.approx(total / 2.5, rel=1e-3)
