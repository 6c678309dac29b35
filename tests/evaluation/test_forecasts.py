"""Scores of forecasts, their tables, and the ratio of two arms' growth."""

import math

import numpy as np
import pytest

from sequela.core import InvalidInputError, UnreadableFileError
from sequela.core.errors import UnknownNameError
from sequela.evaluation.forecasts import (
    ForecastCase,
    as_markdown,
    horizon_of,
    rate_ratio,
    read_scores,
    score_case,
    table_of,
    write_scores,
)
from sequela.simulators.baselines.lungs import last_scan, linear

YEARS = np.array([0.0, 1.0, 1.5, 4.0])


def case(patient=0, *, slope=50.0, years=YEARS):
    """Lungs that get denser at a constant pace, so that a line is right."""
    start = np.full((6, 12, 12), -800.0, np.float32)
    scans = np.stack([start + np.float32(slope * year) for year in years])
    lungs = np.zeros(start.shape, bool)
    lungs[1:5, 2:10, 2:10] = True
    return ForecastCase(
        cohort="drawn",
        patient=patient,
        group="linear",
        scans=scans,
        years=years,
        lungs=lungs,
        voxel_ml=1.0,
        truths=scans,
        extents=years / 10,
    )


METHODS = {"last scan": last_scan, "line": linear}


def scores(count=3, **options):
    return [
        score
        for patient in range(count)
        for score in score_case(case(patient, slope=40 + 10 * patient), METHODS, **options)
    ]


def test_every_scan_is_forecast_and_the_given_ones_are_marked():
    made = scores(1, mode="extrapolation")
    assert [s.is_given for s in made] == [True, True, False, False] * 2
    assert [s.since_years for s in made[:4]] == [0.0, 0.0, 0.5, 3.0]
    assert [horizon_of(s) for s in made[2:4]] == ["under 1 year", "3 years and more"]
    # 40 HU a year, window of 1400 HU
    assert made[3].mse == pytest.approx((40 * 3 / 1400) ** 2, rel=1e-5)
    assert made[3].mse_of_truth == pytest.approx(made[3].mse)
    assert made[7].mse == pytest.approx(0, abs=1e-10)
    assert made[3].extent_of_truth == 0.4


def test_between_the_first_and_the_last_scan_time_counts_from_the_first():
    made = scores(1, mode="interpolation")
    assert [s.since_years for s in made[:4]] == [0.0, 1.0, 1.5, 0.0]


def test_a_mode_without_a_scan_to_forecast_is_refused():
    short = case(years=YEARS[:2])
    with pytest.raises(InvalidInputError, match="more than 2 scans"):
        list(score_case(short, METHODS, mode="extrapolation"))
    with pytest.raises(UnknownNameError, match="interpolation"):
        list(score_case(case(), METHODS, mode="interpolate"))


def test_a_table_tells_the_share_of_the_reference_by_group():
    rows = table_of(scores(mode="extrapolation"), by=[horizon_of], draws=50)
    told = {(row.group, row.method): row for row in rows}
    last, line = (told[("under 1 year",), name] for name in METHODS)
    assert last.of_reference.value == 1.0
    assert line.of_reference.value == pytest.approx(0, abs=1e-6)
    assert last.mse.cases == last.mse.patients == 3
    assert last.mse.value == pytest.approx(np.mean([(s * 0.5 / 1400) ** 2 for s in (40, 50, 60)]))
    assert last.mse.low <= last.mse.value <= last.mse.high


def test_the_published_convention_counts_given_scans_and_flatters():
    made = scores(mode="extrapolation")
    plain, flattered = (
        table_of(made, are_given_counted=counted, draws=10)[0] for counted in (False, True)
    )
    assert flattered.mse.cases == 2 * plain.mse.cases
    assert flattered.mse.value == pytest.approx(plain.mse.value / 2)


def test_a_missing_reference_is_named():
    made = [s for s in scores(mode="extrapolation") if s.method != "last scan" or s.patient]
    with pytest.raises(InvalidInputError, match="patient 0"):
        table_of(made)


def test_a_table_is_printed_with_its_groups():
    text = as_markdown(table_of(scores(mode="extrapolation"), by=[horizon_of], draws=10), ["when"])
    assert text.startswith("| when | method |")
    assert "| 3 years and more | last scan | 3 (3) |" in text


def test_scores_come_back_from_their_file_and_others_are_refused(tmp_path):
    path = tmp_path / "deep" / "scores.csv"
    made = scores(2, mode="extrapolation")
    write_scores(made[:3], path)
    write_scores(made[3:], path)
    again = read_scores(path)
    assert [(s.patient, s.method, s.is_given) for s in again] == [
        (s.patient, s.method, s.is_given) for s in made
    ]
    assert all(math.isclose(a.mse, b.mse, rel_tol=1e-5) for a, b in zip(again, made, strict=True))
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UnreadableFileError, match="Score again"):
        read_scores(path)


def test_a_halved_rate_is_recovered_and_an_unchanged_one_is_not():
    rng = np.random.default_rng(1)
    treated = np.arange(120) % 2 == 0
    real = rng.uniform(0.03, 0.05, 120) * np.where(treated, 0.5, 1.0)
    close = real + rng.normal(0, 0.005, 120)
    assert rate_ratio(close, real, treated, draws=300).is_recovered
    blind = rate_ratio(real * np.where(treated, 2.0, 1.0), real, treated, draws=300)
    assert not blind.is_recovered
    assert blind.made_over_real.value == pytest.approx(2.0)
    assert blind.made_over_real.low == pytest.approx(2.0)  # the same patients, drawn for both
    assert blind.real.low < blind.real.value < blind.real.high
    assert blind.made.value == pytest.approx(1.0, abs=0.1)
    with pytest.raises(InvalidInputError, match="both arms"):
        rate_ratio(real, real, np.ones(120, bool))
