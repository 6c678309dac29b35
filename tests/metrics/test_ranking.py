import numpy as np
import pytest

from sequela.metrics import auroc, patient_interval


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


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    hits = 0
    for seed in range(60):
        draw = np.random.default_rng(seed)
        patients = np.repeat(np.arange(40), 3)
        values = np.repeat(draw.normal(size=40), 3) + 0.1 * draw.normal(size=120)
        low, high = patient_interval(lambda i, v=values: float(v[i].mean()), patients, draws=200)
        hits += low <= 0 <= high
    assert 50 <= hits <= 60  # one that drew images, not patients, would hit about 40 times


def test_the_same_seed_gives_the_same_interval():
    values, patients = np.arange(10.0), np.arange(10) // 2
    once, again = (patient_interval(lambda i: float(values[i].mean()), patients) for _ in range(2))
    assert once == again
