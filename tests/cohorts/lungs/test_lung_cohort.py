"""The lung cohort: what is planted is what is shown, and a seed draws it again."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sequela.cohorts.synthetic.lungs import (
    LAWS,
    RATES,
    Growth,
    LungDesign,
    LungPatient,
    draw_cohort,
    draw_patient,
    open_cohort,
    pack_cohort,
)
from sequela.core.errors import InvalidInputError, UnknownNameError, UnreadableFileError
from sequela.imaging.grid import Grid

COARSE = Grid.upright((16, 48, 48), (16.0, 7.0, 7.0))


@cache
def coarse(seed: int) -> LungPatient:
    return draw_patient(seed, grid=COARSE)


def test_the_same_seed_draws_the_same_scan_and_another_seed_another() -> None:
    again = draw_patient(0, grid=COARSE)
    np.testing.assert_array_equal(coarse(0).scan(0.7), again.scan(0.7))
    assert np.abs(coarse(0).scan(0.7) - coarse(1).scan(0.7)).mean() > 20


def test_asking_for_an_image_first_changes_nothing_else() -> None:
    looked = draw_patient(5, grid=COARSE)
    looked.scan(0.0)
    assert looked.survival == draw_patient(5).survival
    assert looked.visit_years == draw_patient(5).visit_years


@pytest.mark.parametrize("years", [0.0, 1.5, 4.0])
def test_the_extent_map_covers_the_true_share_of_the_lungs(years: float) -> None:
    patient = coarse(2)
    inside = patient.extent_map(years)[patient.lung_mask()]
    assert inside.mean() == pytest.approx(patient.extent(years), abs=0.004)
    assert patient.extent_map(years)[~patient.lung_mask()].max() == 0


def test_fibrosis_never_retreats_and_leaves_the_rest_of_the_body_alone() -> None:
    patient = coarse(3)
    before, after = patient.extent_map(1.0), patient.extent_map(4.0)
    assert (after >= before).all()
    outside = ~patient.lung_mask()
    np.testing.assert_array_equal(patient.truth(1.0)[outside], patient.truth(4.0)[outside])


def test_fibrosis_is_basal_and_subpleural_in_most_patients() -> None:
    lower, nearer = [], []
    for seed in range(6):
        chest, share = coarse(seed).chest, coarse(seed).fibrosis.share(0.2) > 0.5
        lower.append(chest.at[share, 2].mean() < chest.at[~share, 2].mean())
        nearer.append(chest.depth_mm[share].mean() < chest.depth_mm[~share].mean())
    assert sum(lower) >= 5
    assert sum(nearer) >= 5


def test_lungs_have_the_volume_and_the_density_of_lungs() -> None:
    patient = draw_patient(2)
    inside = patient.lung_mask()
    assert 2500 < inside.sum() * patient.grid.voxel_ml < 8000
    assert -880 < np.median(patient.scan(0.0)[inside]) < -800
    # two lungs, each on its own side
    at = patient.chest.at[:, 0]
    assert 0.35 < (at > 0).mean() < 0.65


def test_another_grid_shows_the_same_patient() -> None:
    fine, rough = draw_patient(4), coarse(4)
    binned = fine.truth(2.0).reshape(16, 2, 48, 2, 48, 2).mean((1, 3, 5))
    assert np.corrcoef(binned.ravel(), rough.truth(2.0).ravel())[0, 1] > 0.97


def test_the_linear_law_is_a_line() -> None:
    growth = Growth(law="linear", first=0.1, rate=0.05)
    np.testing.assert_allclose(growth.extent(np.array([0.0, 1.0, 3.0])), [0.1, 0.15, 0.25])


def test_the_logistic_law_is_steepest_at_its_rate_and_ends_at_its_ceiling() -> None:
    growth = Growth(law="logistic", first=0.05, rate=0.06, ceiling=0.7)
    years = np.linspace(0, 60, 60001)
    extent = growth.extent(years)
    assert np.gradient(extent, years).max() == pytest.approx(0.06, rel=1e-4)
    assert extent[0] == pytest.approx(0.05)
    assert extent[-1] == pytest.approx(0.7, abs=1e-3)


def test_the_stepwise_law_rests_between_flares_and_keeps_its_mean_slope() -> None:
    growth = Growth(law="stepwise", first=0.1, rate=0.04, step_every=1.2, step_first=0.5)
    assert growth.extent(0.0) == pytest.approx(0.1)
    assert growth.extent(0.49) == pytest.approx(0.1)
    assert growth.extent(0.6) == pytest.approx(growth.extent(1.6)) == pytest.approx(0.148)
    assert (growth.extent(10.6) - growth.extent(1.0)) / 9.6 == pytest.approx(0.04, rel=1e-6)


@pytest.mark.parametrize("law", LAWS)
def test_treatment_slows_growth_by_the_planted_ratio(law: str) -> None:
    patient = draw_patient(6, law=law, arm="placebo", grid=COARSE)
    plain, slow = patient.course("placebo"), patient.course("antifibrotic")
    assert slow.rate == pytest.approx(0.5 * plain.rate)
    assert patient.extent(3.0, arm="antifibrotic") < patient.extent(3.0)
    assert patient.extent(0.0, arm="antifibrotic") == patient.extent(0.0)


def test_held_out_rates_never_meet_those_seen() -> None:
    seen, held_out = (
        [p.growth.rate for p in draw_cohort(range(200), design=LungDesign(rates=rates))]
        for rates in ("seen", "held-out")
    )
    assert max(seen) <= RATES["seen"][1] < RATES["held-out"][0] <= min(held_out)


def test_scans_are_two_to_seven_at_rising_dates_before_the_end_of_follow_up() -> None:
    for patient in draw_cohort(range(150)):
        years = patient.visit_years
        assert 2 <= len(years) <= 7
        assert years[0] == 0
        assert np.diff(years).min() >= 0.25 - 1e-3
        assert years[-1] <= patient.survival.time_years


def test_deaths_come_by_the_planted_hazard() -> None:
    patients = list(draw_cohort(range(600)))
    died = np.array([p.survival.event for p in patients])
    time = np.array([p.landmark.time_years for p in patients])
    extent = np.array([p.extent(p.visit_years[1]) for p in patients])
    assert 0.25 < died.mean() < 0.75
    assert time.min() > 0
    dense = extent > np.median(extent)
    rates = [died[g].sum() / time[g].sum() for g in (~dense, dense)]
    assert rates[1] > 1.5 * rates[0]


def test_a_design_without_effects_kills_at_its_base_hazard() -> None:
    flat = LungDesign(
        **{f"log_hazard_{n}": 0.0 for n in ("extent", "rate", "age", "male", "smoking")},
        base_hazard=0.2,
    )
    landmarks = [p.landmark for p in draw_cohort(range(1500), design=flat)]
    deaths, years = sum(s.event for s in landmarks), sum(s.time_years for s in landmarks)
    assert deaths / years == pytest.approx(0.2, rel=0.1)


def test_a_follow_up_scan_is_misaligned_and_the_baseline_is_not() -> None:
    design = replace(LungDesign(), noise_hu=(0.001, 0.002), level_hu=0.0, misalignment_mm=10.0)
    patient = draw_patient(7, design=design, grid=COARSE)
    assert np.abs(patient.scan(0.0) - patient.truth(0.0)).max() < 1
    assert np.abs(patient.scan(1.0) - patient.truth(1.0)).mean() > 3


def test_a_packed_cohort_reads_back_and_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    first = pack_cohort(tmp_path / "a", seeds=range(2), grid=COARSE)
    second = pack_cohort(tmp_path / "b", seeds=range(2), grid=COARSE)
    for one in first.iterdir():
        assert one.read_bytes() == (second / one.name).read_bytes()
    case = next(open_cohort(first))
    np.testing.assert_array_equal(case.volumes[0], coarse(0).scan(0.0))
    np.testing.assert_array_equal(case.lungs, coarse(0).lung_mask())
    assert case.facts["law"] == coarse(0).law
    assert tuple(case.years) == coarse(0).visit_years


def test_an_empty_folder_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="pack_cohort"):
        next(open_cohort(tmp_path))


def test_wrong_words_are_refused_with_their_neighbours() -> None:
    with pytest.raises(UnknownNameError, match="logistic"):
        draw_patient(0, law="logistics")
    with pytest.raises(UnknownNameError, match="antifibrotic"):
        coarse(0).extent(1.0, arm="antifibrotics")
    with pytest.raises(InvalidInputError, match="seed"):
        draw_patient(-1)
