"""Conf_final, Conf_seq and monotonicity against hand-worked values and SciPy."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from sequela.core import InvalidInputError
from sequela.metrics.confidence import conf_at, conf_final, conf_seq, monotonicity, rank_correlation

RISING = np.linspace(0.1, 0.9, 11)[None]


def test_conf_final_is_the_last_score():
    assert conf_final(np.array([[0.1, 0.2, 0.7], [0.5, 0.9, 0.3]])).tolist() == [0.7, 0.3]


def test_a_rising_score_keeps_its_last_value_in_both_forms():
    for kind in ("standard", "literal"):
        assert conf_seq(RISING, kind)[0] == pytest.approx(0.9)


def test_as_printed_a_reversed_order_falls_below_minus_one():
    """The printed formula at N = 10: 1 - 6 x 440 / 990."""
    assert rank_correlation(RISING[:, ::-1], "literal")[0] == pytest.approx(1 - 6 * 440 / 990)
    assert rank_correlation(RISING[:, ::-1], "standard")[0] == pytest.approx(-1)


def test_a_hand_worked_order():
    """Ranks 1, 3, 2, 4 against 1, 2, 3, 4: squared differences sum to 2."""
    scores = np.array([[0.1, 0.5, 0.3, 0.8]])
    assert monotonicity(scores)[0] == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert rank_correlation(scores, "literal")[0] == pytest.approx(1 - 6 * 2 / (3 * 8))
    assert conf_seq(scores)[0] == pytest.approx(0.8 * 0.8)


def test_monotonicity_is_spearman_of_scipy_with_and_without_ties():
    draw = np.random.default_rng(0)
    smooth, tied = draw.random((20, 9)), draw.integers(0, 4, (20, 9)) / 4
    for scores in (smooth, tied):
        expected = [spearmanr(np.arange(9), row).statistic for row in scores]
        np.testing.assert_allclose(monotonicity(scores), expected, atol=1e-12)


def test_a_simulator_that_does_nothing_earns_no_order_but_half_of_one_as_printed():
    still = np.full((1, 11), 0.6)
    assert conf_seq(still)[0] == 0
    # ranks of 6 against 1 to 11: squared differences sum to 110
    assert rank_correlation(still, "literal")[0] == pytest.approx(1 - 6 * 110 / 990)


def test_the_score_where_half_of_the_likeness_is_gone_lies_between_two_states():
    scores, likeness = np.array([0.1, 0.3, 0.7]), np.array([1.0, 0.8, 0.4])
    assert conf_at(scores, likeness, 0.5) == pytest.approx(0.3 + 0.75 * 0.4)
    assert conf_at(scores, likeness, 1.0) == pytest.approx(0.1)
    assert conf_at(scores, likeness, 0.2) == pytest.approx(0.7)  # never goes so far


def test_a_simulation_that_comes_back_counts_where_it_first_was_there():
    scores, likeness = np.array([0.0, 0.5, 1.0, 0.2]), np.array([1.0, 0.6, 0.8, 0.5])
    assert conf_at(scores, likeness, 0.6) == pytest.approx(0.5)


def test_too_few_states_and_missing_scores_are_refused():
    with pytest.raises(InvalidInputError, match="at least 3 states"):
        conf_seq(np.zeros((1, 2)))
    with pytest.raises(InvalidInputError, match="must be finite"):
        conf_final(np.array([[0.1, np.nan, 0.2]]))
