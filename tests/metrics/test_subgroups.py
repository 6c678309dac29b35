"""Subgroup rows on cohorts whose gaps are known."""

import numpy as np
import pytest

from sequela.metrics import auroc
from sequela.metrics.subgroups import age_band, subgroup_rows


def cohort(seed, gap, patients=60):
    draw = np.random.default_rng(seed)
    sex = np.repeat(np.where(np.arange(patients) % 2, "female", "male"), 2)
    values = np.repeat(draw.normal(size=patients), 2) + gap * (sex == "female")
    return values, sex, np.repeat(np.arange(patients), 2)


def test_rows_of_a_hand_worked_case():
    values = np.array([1.0, 3.0, 10.0, 20.0])
    views = np.array(["AP", "AP", "PA", "unknown"])
    rows = subgroup_rows(
        lambda i: float(values[i].mean()), {"view": views}, np.arange(4), least=1, draws=50
    )
    told = {
        row.group: (row.inside.value, row.inside.cases, row.gap and row.gap.value) for row in rows
    }
    assert told == {"AP": (2.0, 2, -8.0), "PA": (10.0, 1, 8.0), "unknown": (20.0, 1, None)}


def test_the_interval_of_a_gap_covers_it():
    hits = 0
    for seed in range(60):
        values, sex, patients = cohort(seed, gap=0.8)
        rows = subgroup_rows(
            lambda i, v=values: float(v[i].mean()), {"sex": sex}, patients, draws=100
        )
        gap = next(row.gap for row in rows if row.group == "female")
        hits += gap.low <= 0.8 <= gap.high
    assert 50 <= hits <= 60


def test_a_true_gap_is_seen_and_both_sides_mirror():
    values, sex, patients = cohort(0, gap=2.0)
    female, male = subgroup_rows(
        lambda i: float(values[i].mean()), {"sex": sex}, patients, draws=200
    )
    assert female.gap.low > 0
    assert female.gap.value == pytest.approx(-male.gap.value)
    assert female.told


def test_small_groups_are_shown_but_not_told():
    values, sex, patients = cohort(0, gap=0.0, patients=12)
    rows = subgroup_rows(lambda i: float(values[i].mean()), {"sex": sex}, patients, draws=20)
    assert [row.told for row in rows] == [False, False]


def test_a_statistic_that_a_group_cannot_give_is_nan_not_an_error():
    ill = np.array([True, True, False, True])
    views = np.array(["AP", "AP", "PA", "PA"])
    rows = subgroup_rows(
        lambda i: auroc(np.arange(4)[i], ill[i]), {"view": views}, np.arange(4), draws=20
    )
    assert np.isnan(rows[0].inside.value)
    assert rows[1].inside.value == 1


@pytest.mark.parametrize(
    ("years", "band"),
    [
        (39.9, "under 40"),
        (40, "40 to 64"),
        (64.9, "40 to 64"),
        (65, "65 and over"),
        (None, "unknown"),
        (float("nan"), "unknown"),
    ],
)
def test_age_bands(years, band):
    assert age_band(years) == band
