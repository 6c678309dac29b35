"""Scores of forecast counts and activity: worked by hand, and honest forecasts."""

import numpy as np
import pytest
from scipy import stats

from sequela.core import InvalidInputError
from sequela.metrics.activity import autoc, average_precision, brier, pehe, uplift_curve
from sequela.metrics.counts import (
    absolute_errors,
    chances_of,
    coverage_chance,
    covered,
    crps,
    intervals,
    log_errors,
    median_of,
    negative_binomial_deviances,
)


def sure(count, largest=5):
    table = np.zeros((1, largest + 1))
    table[0, count] = 1
    return table


def test_samples_become_shares():
    table = chances_of(np.array([[0, 0, 2, 5], [1, 1, 1, 1]]), largest=3)
    np.testing.assert_allclose(table, [[0.5, 0, 0.25, 0.25], [0, 1, 0, 0]])


def test_crps_of_a_sure_forecast_is_the_absolute_error():
    assert crps(sure(2), np.array([2]))[0] == 0
    assert crps(sure(2), np.array([5]))[0] == 3
    assert crps(sure(2), np.array([9]))[0] == 7  # beyond the table


def test_crps_of_two_equal_chances():
    half = np.array([[0.5, 0.5]])
    assert crps(half, np.array([0]))[0] == pytest.approx(0.25)


def test_crps_is_least_for_the_true_distribution():
    rng = np.random.default_rng(0)
    found = rng.poisson(3, 4000)
    means = {}
    for rate in (2, 3, 4):
        table = np.tile(stats.poisson.pmf(np.arange(40), rate), (len(found), 1))
        means[rate] = crps(table, found).mean()
    assert means[3] == min(means.values())


def test_intervals_of_honest_forecasts_cover_as_often_as_they_say():
    rng = np.random.default_rng(1)
    rates = rng.gamma(0.6, 10 / 0.6, 3000)
    found = rng.poisson(rates)
    table = stats.poisson.pmf(np.arange(400)[None], rates[:, None])
    table /= table.sum(1, keepdims=True)
    for level in (0.8, 0.95):
        expected = coverage_chance(table, level)
        assert (expected >= level - 1e-9).all()
        assert covered(table, found, level).mean() == pytest.approx(expected.mean(), abs=0.02)


def test_interval_and_median_of_a_plain_distribution():
    table = np.array([[0.1, 0.2, 0.4, 0.2, 0.1]])
    low, high = intervals(table, 0.8)
    assert (low[0], high[0]) == (1, 3)
    assert median_of(table)[0] == 2


def test_errors_by_hand():
    np.testing.assert_allclose(absolute_errors(np.array([2.0, 5.0]), np.array([4, 5])), [2, 0])
    np.testing.assert_allclose(log_errors(np.array([0.0]), np.array([9])), [np.log(10)])


def test_deviance_is_nought_at_the_truth_and_grows_both_ways():
    found = np.array([4, 4, 4])
    values = negative_binomial_deviances(np.array([2.0, 4.0, 8.0]), found, shape=0.6)
    assert values[1] == pytest.approx(0, abs=1e-12)
    assert min(values[0], values[2]) > 0
    with pytest.raises(InvalidInputError, match="`mean` must be above 0"):
        negative_binomial_deviances(np.array([0.0]), np.array([1]), shape=0.6)


def test_chances_must_sum_to_one():
    with pytest.raises(InvalidInputError, match="sum to 1"):
        crps(np.array([[0.5, 0.2]]), np.array([1]))


def test_average_precision_by_hand():
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    came = np.array([True, False, True, False])
    assert average_precision(scores, came) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert average_precision(np.ones(4), came) == pytest.approx(0.5)  # ties come together
    assert np.isnan(average_precision(scores, np.zeros(4, bool)))


def test_brier_by_hand():
    assert brier(np.array([1.0, 0.5]), np.array([True, False])) == pytest.approx(0.125)


def trial(rng, size=6000):
    """Half the patients gain 4 lesions' worth from treatment, the others nothing."""
    gains, treated = rng.random(size) < 0.5, rng.random(size) < 0.5
    outcome = rng.poisson(np.where(gains, 5 - 4 * treated, 3)).astype(float)
    return gains, treated, outcome


def test_uplift_finds_those_who_gain():
    gains, treated, outcome = trial(np.random.default_rng(2))
    shares, spared = uplift_curve(gains.astype(float), treated, outcome)
    half = np.searchsorted(shares, 0.5)
    assert spared[half - 50] == pytest.approx(4, abs=0.3)
    assert spared[-1] == pytest.approx(2, abs=0.2)
    assert autoc(gains.astype(float), treated, outcome) > 0.8
    nothing = np.random.default_rng(3).random(len(gains))
    assert abs(autoc(nothing, treated, outcome)) < 0.3


def test_pehe_by_hand():
    assert pehe(np.array([1.0, 3.0]), np.array([0.0, 0.0])) == pytest.approx(np.sqrt(5))
