"""Lesion forecasts scored by hand-made cases whose figures are known."""

import numpy as np
import pytest

from sequela.evaluation.lesions import (
    ArmCounts,
    Outcome,
    Scored,
    arm_effect,
    as_markdown,
    count_columns,
    figures,
    paired,
    place_columns,
    place_log_likelihood,
    place_scores,
    policy_gain,
    policy_values,
    region_count_error,
)
from sequela.imaging.grid import Grid
from sequela.simulators.baselines.lesion_answer import LesionAnswer, poisson_chances, sure_of
from sequela.simulators.lesions.prepare import PreparedVisit

SHAPE = (8, 16, 16)
GRID = Grid.upright(SHAPE, (18.0, 12.0, 10.0), centre_mm=(0.0, 16.0, 8.0))


def outcome(*places):
    truth = np.zeros(SHAPE, bool)
    for place in places:
        truth[place] = True
    brain = np.zeros(SHAPE, bool)
    brain[1:-1, 2:-2, 2:-2] = True
    visit = PreparedVisit(
        grid=GRID,
        images=np.zeros((5, *SHAPE), np.float32),
        present=np.ones(5, bool),
        lesions=np.zeros(SHAPE, bool),
        brain=brain,
        lesions_from="given",
        brain_from="given",
    )
    return Outcome(visit=visit, truth=truth, lesions=len(places))


def answer(chances, count, masks=None):
    return LesionAnswer(
        chances=chances.astype(np.float32), count_chances=sure_of(count), masks=masks
    )


def test_a_perfect_forecast_has_perfect_scores():
    came = outcome((3, 5, 5), (4, 9, 9))
    scores = place_scores(answer(came.truth * 1.0, 2, came.truth[None]), came)
    assert scores["dice"] == scores["lesion f1"] == scores["place auroc"] == 1
    assert scores["dice per mask"] == scores["lesion f1 per mask"] == 1
    assert scores["hd95 mm"] == 0
    assert scores["voxel log-likelihood"] == pytest.approx(0, abs=1e-4)
    assert scores["place log-likelihood"] == pytest.approx(np.log(0.5), abs=1e-3)
    assert scores["region count error"] == 0


def test_places_count_whatever_the_count_is():
    came = outcome((3, 5, 5))
    free = came.visit.brain
    even = np.where(free, 0.01, 0.0)
    assert place_log_likelihood(even, came.truth, free) == pytest.approx(-np.log(free.sum()))
    assert place_log_likelihood(even / 9, came.truth, free) == pytest.approx(-np.log(free.sum()))
    assert np.isnan(place_log_likelihood(even, np.zeros(SHAPE, bool), free))
    none = place_log_likelihood(0 * even, came.truth, free)
    assert -40 < none < -15  # nothing anywhere is punished, not infinitely


def test_lesions_in_the_wrong_region_are_an_error():
    came = outcome((3, 5, 5))
    right = region_count_error(answer(came.truth * 1.0, 1), came)
    wrong = region_count_error(answer(came.truth * 1.0, 3), came)
    assert right == 0
    assert wrong == pytest.approx(2 / 4)


def test_figures_have_intervals_and_pairs_have_differences():
    rng = np.random.default_rng(0)
    lesions = rng.poisson(3.0, 40)
    cases = [outcome(*[(3, 5, int(3 + k)) for k in range(min(n, 4))]) for n in lesions]
    good, poor = Scored(), Scored()
    for case, n in zip(cases, lesions, strict=True):
        good.add(
            answer(case.truth * 1.0, int(n)), place_scores(answer(case.truth * 1.0, int(n)), case)
        )
        none = LesionAnswer(
            chances=0 * case.truth.astype(np.float32), count_chances=poisson_chances(3.0)
        )
        poor.add(none, place_scores(none, case))
    first, second = figures(good, lesions), figures(poor, lesions)
    assert first["count crps"].value == 0
    assert first["activity auroc"].value == 1
    assert second["activity auroc"].value == 0.5
    assert second["coverage 80%"].value > 0.7
    assert second["coverage 80% due"].value >= 0.8
    assert "dice per mask" not in second  # nobody drew masks
    pairs = paired(
        count_columns(good, lesions), count_columns(poor, lesions), ["count crps", "other"]
    )
    assert list(pairs) == ["count crps"]
    assert pairs["count crps"].high < 0
    places = paired(place_columns(good), place_columns(poor), ["lesion f1"])
    assert places["lesion f1"].low > 0
    text = as_markdown({"good": first, "poor": second})
    assert text.count("\n") == 3
    assert "| poor |" in text


def test_effects_of_a_forecast_that_knows_who_gains_beat_the_same_effect_for_all():
    rng = np.random.default_rng(0)
    rate = rng.gamma(0.6, 10 / 0.6, 300)
    placebo = rng.poisson(rate).astype(float)
    treated = np.minimum(rng.poisson(0.2 * rate), placebo).astype(float)
    effect = arm_effect(
        ArmCounts(forecast=0.2 * rate, truth=treated),
        ArmCounts(forecast=rate, truth=placebo),
        mean_effect=8.0,
    )
    assert effect.rate_ratio.value == pytest.approx(0.2)
    assert effect.true_rate_ratio.low < 0.2 < effect.true_rate_ratio.high + 0.02
    assert effect.pehe.value < effect.pehe_no_heterogeneity.value
    assert effect.pehe_difference.high < 0


def test_a_policy_that_knows_gains_and_one_that_does_not_does_not():
    untreated, treated = np.array([9.0, 0.0, 6.0, 1.0]), np.array([1.0, 0.0, 1.0, 1.0])
    gain = untreated - treated
    values = policy_values(gain, treated, untreated, np.array([0.0, 0.25, 0.5, 1.0]))
    np.testing.assert_allclose(values, [4.0, 2.0, 0.75, 0.75])
    assert policy_gain(gain, treated, untreated) > 0
    assert policy_gain(-gain, treated, untreated) < 0
