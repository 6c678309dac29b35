"""Intervals by patient: hand-worked cases, and coverage on simulated cohorts."""

import numpy as np
import pytest

from sequela.core import InvalidInputError
from sequela.metrics.bootstrap import estimate, mean_estimate, pair_interval, patient_interval
from sequela.metrics.identity import pairs_of
from sequela.metrics.ranking import weighted_auroc


def covered(seed, patients):
    """Whether the interval of the mean of 40 patients with three alike images each holds 0."""
    draw = np.random.default_rng(seed)
    values = np.repeat(draw.normal(size=40), 3) + 0.1 * draw.normal(size=120)
    low, high = patient_interval(lambda i: float(values[i].mean()), patients, draws=100)
    return low <= 0 <= high


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    hits = sum(covered(seed, np.repeat(np.arange(40), 3)) for seed in range(120))
    assert 105 <= hits <= 119  # 120 draws at 95 %; fewer than 105 would be one chance in 3000


def test_intervals_that_draw_images_would_cover_too_seldom():
    hits = sum(covered(seed, np.arange(120)) for seed in range(60))
    assert hits < 50  # why patients are drawn


def test_a_paired_difference_is_covered_though_patients_differ_widely():
    hits = 0
    for seed in range(100):
        draw = np.random.default_rng(seed)
        level = np.repeat(10 * draw.normal(size=30), 2)
        difference = (level + 0.5 + draw.normal(size=60)) - level
        found = mean_estimate(difference, np.repeat(np.arange(30), 2), draws=200, seed=seed)
        hits += found.low <= 0.5 <= found.high
    assert 86 <= hits <= 100


def test_intervals_of_pairs_cover_the_true_auroc():
    """Films are a person's own place plus noise; the truth is that of a very large cohort."""

    def cohort(draw, people):
        places = np.repeat(draw.normal(size=people), 2) + 0.6 * draw.normal(size=2 * people)
        patients = np.repeat(np.arange(people), 2)
        pairs = pairs_of(patients)
        return -np.abs(places[pairs.first] - places[pairs.second]), pairs, patients

    alike, pairs, _ = cohort(np.random.default_rng(99), 800)
    truth = weighted_auroc(alike, pairs.genuine, np.ones(len(alike)))
    hits = 0
    for seed in range(60):
        alike, pairs, patients = cohort(np.random.default_rng(seed), 30)
        low, high = pair_interval(
            lambda w, a=alike, g=pairs.genuine: weighted_auroc(a, g, w),
            patients[pairs.first],
            patients[pairs.second],
            draws=100,
        )
        hits += low <= truth <= high
    assert 49 <= hits <= 60


def test_pairs_of_a_patient_drawn_twice_count_twice_and_with_others_by_both():
    seen = []
    first, second = np.array(["a", "a", "b"]), np.array(["a", "b", "b"])
    pair_interval(lambda w: float(seen.append(w) or 0.0), first, second, draws=50)
    # two patients, two draws: both once, or one of them twice and the other never
    assert {tuple(w) for w in seen} == {(1.0, 1.0, 1.0), (2.0, 0.0, 0.0), (0.0, 0.0, 2.0)}


def test_few_patients_have_wider_intervals_than_plain_percentiles_and_one_has_none():
    values = np.random.default_rng(0).normal(size=8)
    low, high = patient_interval(lambda i: float(values[i].mean()), np.arange(8), draws=4000)
    draw = np.random.default_rng(0)
    plain = [values[draw.integers(8, size=8)].mean() for _ in range(4000)]
    plain_low, plain_high = np.percentile(plain, [2.5, 97.5])
    # t of 7 degrees of freedom over the normal one, times sqrt(8 / 7)
    assert (high - low) / (plain_high - plain_low) == pytest.approx(1.29, abs=0.08)
    assert np.isnan(patient_interval(lambda i: float(values[i].mean()), np.zeros(8))).all()


def test_the_same_seed_gives_the_same_interval_and_another_another():
    values, patients = np.random.default_rng(0).normal(size=60), np.arange(60) // 2
    once, again, other = (
        patient_interval(lambda i: float(values[i].mean()), patients, seed=s) for s in (0, 0, 1)
    )
    assert once == again != other


def test_an_estimate_counts_cases_and_patients_and_leaves_nan_out():
    found = mean_estimate(
        np.array([1.0, 3.0, np.nan, 5.0]), np.array(["a", "a", "b", "c"]), draws=50
    )
    assert (found.value, found.cases, found.patients) == (3.0, 3, 2)
    assert str(found).startswith("3.000 [")


def test_a_statistic_that_is_never_told_has_no_interval():
    low, high = patient_interval(lambda _: float("nan"), np.arange(4), draws=10)
    assert np.isnan(low)
    assert np.isnan(high)


def test_no_case_is_refused():
    with pytest.raises(InvalidInputError, match="`patients` must name at least one case"):
        estimate(lambda _: 0.0, np.array([], int))
