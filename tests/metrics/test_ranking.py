import numpy as np
import pytest

from sequela.metrics import auroc
from sequela.metrics.ranking import weighted_auroc


def test_auroc_of_a_hand_worked_case_counts_ties_half():
    scores, ill = np.array([1, 2, 2, 3]), np.array([False, False, True, True])
    assert auroc(scores, ill) == pytest.approx((1 + 0.5 + 1 + 1) / 4)


def test_auroc_agrees_with_counting_pairs():
    draw = np.random.default_rng(0)
    scores, ill = draw.integers(0, 9, 200), draw.random(200) < 0.3
    up, down = scores[ill][:, None], scores[~ill][None]
    assert auroc(scores, ill) == pytest.approx(((up > down) + 0.5 * (up == down)).mean())


def test_auroc_of_one_class_is_not_a_number():
    assert np.isnan(auroc(np.arange(3), np.ones(3, bool)))
    assert np.isnan(weighted_auroc(np.arange(3), np.array([True, False, True]), np.eye(3)[0]))


def test_whole_weights_are_repeated_cases():
    draw = np.random.default_rng(1)
    scores, ill = draw.integers(0, 9, 50), draw.random(50) < 0.4
    times = draw.integers(0, 4, 50)
    repeated = auroc(np.repeat(scores, times), np.repeat(ill, times))
    assert weighted_auroc(scores, ill, times * 1.0) == pytest.approx(repeated)
