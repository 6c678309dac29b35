"""The known-truth trial: what is planted is found, and truth is coupled over arms."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from sequela.cohorts.synthetic.trial import (
    MINI_GRID,
    PLACEBO,
    Reader,
    TrialDesign,
    consult,
    draw_subject,
    find_arm,
    load_arms,
    planted_zero_share,
)
from sequela.core import InvalidInputError, UnknownNameError
from sequela.imaging.grid import Grid

YEARS = 2.0


@pytest.fixture(scope="module")
def subjects():
    return [draw_subject(seed) for seed in range(1500)]


@pytest.fixture(scope="module")
def counts(subjects):
    return {arm: np.array([s.count(arm, YEARS) for s in subjects]) for arm in load_arms()}


def test_placebo_counts_are_as_in_published_trials(counts):
    placebo = counts[PLACEBO]
    assert 9 <= placebo.mean() <= 11
    assert 4 <= np.median(placebo) <= 6
    assert 0.15 <= (placebo == 0).mean() <= 0.22


@pytest.mark.parametrize("arm", list(load_arms()))
def test_planted_rate_ratios_and_zero_shares_come_out(counts, arm):
    ratio = counts[arm].mean() / counts[PLACEBO].mean()
    assert ratio == pytest.approx(find_arm(arm).rate_ratio, rel=0.1)
    zeros = planted_zero_share(find_arm(arm), TrialDesign())
    assert (counts[arm] == 0).mean() == pytest.approx(zeros, abs=0.04)


def test_a_treated_arm_of_mean_2_and_a_half_has_the_median_0(counts):
    assert 2.2 <= counts["fingolimod"].mean() <= 3.0
    assert np.median(counts["fingolimod"]) == 0


def test_rate_ratios_lie_within_what_was_published():
    for arm in load_arms().values():
        assert arm.verified[0] <= arm.rate_ratio <= arm.verified[1]
        assert arm.citation
        assert arm.mark == "V"


def test_a_stronger_arm_has_a_subset_of_the_lesions(subjects):
    for subject in subjects[:25]:
        for weak, strong in pairwise(load_arms()):
            assert set(subject.onsets(strong, YEARS)) <= set(subject.onsets(weak, YEARS))
            assert not (subject.net2(strong, YEARS) & ~subject.net2(weak, YEARS)).any()


def test_no_treatment_has_acted_at_baseline(subjects):
    for arm in load_arms():
        assert subjects[0].count(arm, 0.0) == 0
        assert not subjects[0].net2(arm, 0.0).any()


def test_events_accumulate_with_time(subjects):
    for subject in subjects[:50]:
        found = [subject.count("glatiramer", years) for years in (0.5, 1.0, 2.0, 5.0)]
        assert found == sorted(found)


def test_new_lesions_lie_outside_the_old_ones(subjects):
    for subject in subjects[:30]:
        new, count = subject.net2(PLACEBO, YEARS), subject.count(PLACEBO, YEARS)
        assert not (new & subject.baseline_mask).any()
        # lesions that touch are one in the mask; none vanishes, be it smaller than a voxel
        assert new.any() == (count > 0)
        assert ndimage.label(new, np.ones((3, 3, 3)))[1] <= 2 * count


def test_the_same_seed_draws_the_same_patient_whatever_was_asked_before():
    first, second = draw_subject(5), draw_subject(5)
    first.images()
    first.read("natalizumab", 1.0)
    np.testing.assert_array_equal(first.net2(PLACEBO, 1.0), second.net2(PLACEBO, 1.0))
    np.testing.assert_array_equal(first.images()["FLAIR"], second.images()["FLAIR"])
    assert draw_subject(6).covariates != first.covariates


def test_two_grids_show_the_same_lesions():
    fine = Grid.upright((48, 200, 160), (3.0, 1.0, 1.0), centre_mm=(0.0, 16.0, 8.0))
    coarse, sharp = draw_subject(2), draw_subject(2, grid=fine)
    assert coarse.count(PLACEBO, YEARS) == sharp.count(PLACEBO, YEARS)
    loads = [s.baseline_mask.sum() * s.grid.voxel_ml for s in (coarse, sharp)]
    assert loads[0] == pytest.approx(loads[1], rel=0.35)
    middles = [s.grid.points[s.baseline_mask].mean(axis=0) for s in (coarse, sharp)]
    np.testing.assert_allclose(middles[0], middles[1], atol=3.0)


def test_lesions_are_bright_on_flair_and_ventricles_dark():
    subject = draw_subject(2)
    flair, tissues = subject.images()["FLAIR"], subject.tissues
    white = (tissues.white > 0.95) & ~subject.baseline_mask
    deep = ndimage.binary_erosion(subject.baseline_mask & subject.brain_mask)
    fluid = (tissues.csf > 0.9) & subject.brain_mask
    assert flair.shape == MINI_GRID.shape
    assert flair[deep].mean() > 1.3 * flair[white].mean()
    assert flair[fluid].mean() < 0.6 * flair[white].mean()


def test_enhancing_lesions_are_seen_only_after_gadolinium():
    found = 0
    for seed in range(14):
        subject = draw_subject(seed)
        images = subject.images()
        if subject.enhancing and "T1-Gd" in images:
            fresh = subject.lesions.only(subject.lesions.onset_years > -0.1)
            places = np.rint(subject.grid.indices_of(fresh.centres_mm)).astype(int)
            for d, h, w in places:
                after = images["T1-Gd"][d, h, w] / np.median(images["T1-Gd"][subject.brain_mask])
                before = images["T1"][d, h, w] / np.median(images["T1"][subject.brain_mask])
                found += after > before
    assert found >= 3


def test_some_centres_lack_a_sequence_and_none_lacks_flair():
    made = [set(draw_subject(seed).scanner.sequences) for seed in range(60)]
    assert all("FLAIR" in sequences for sequences in made)
    assert {"PD", "T1-Gd"} & set.union(*({"PD", "T1-Gd"} - m for m in made))


def test_a_reader_misses_small_lesions_and_sees_ghosts(subjects):
    careful = Reader(missed_small=0.0, ghosts=0.0, border=0.0)
    for subject in subjects[:10]:
        seen = subject.read(PLACEBO, YEARS, reader=careful)
        assert seen.count == subject.count(PLACEBO, YEARS)
        np.testing.assert_array_equal(seen.mask, subject.net2(PLACEBO, YEARS))
    careless = [s.read(PLACEBO, YEARS, reader=Reader(missed_small=1.0)) for s in subjects[:20]]
    assert sum(r.missed for r in careless) > 0
    assert sum(r.ghosts for r in careless) > 0


def test_patients_leave_at_the_planted_pace(subjects):
    stayed = np.mean([s.followed(YEARS) for s in subjects])
    assert stayed == pytest.approx(np.exp(-0.08 * YEARS), abs=0.04)


def test_the_oracle_is_calibrated_and_tells_patients_apart(subjects):
    chances, counts = [], []
    for subject in subjects[:250]:
        chances.append(consult(subject).counts(PLACEBO, YEARS))
        counts.append(subject.count(PLACEBO, YEARS))
    chance, found = np.array(chances), np.array(counts)
    np.testing.assert_allclose(chance.sum(axis=1), 1)
    assert chance[:, 0].mean() == pytest.approx((found == 0).mean(), abs=0.06)
    mean = chance @ np.arange(chance.shape[1])
    assert np.corrcoef(mean, found)[0, 1] > 0.35


def test_the_oracles_futures_follow_its_counts():
    oracle = consult(draw_subject(2))
    drawn = oracle.futures(PLACEBO, YEARS, samples=60)
    chance = oracle.counts(PLACEBO, YEARS)
    mean = float(chance @ np.arange(len(chance)))
    spread = float(np.sqrt(chance @ (np.arange(len(chance)) - mean) ** 2))
    assert np.mean([f.count for f in drawn]) == pytest.approx(mean, abs=4 * spread / np.sqrt(60))


def test_unknown_arms_and_times_beyond_the_truth_are_refused():
    subject = draw_subject(0)
    with pytest.raises(UnknownNameError, match="fingolimod"):
        subject.count("fingolimmod", 1.0)
    with pytest.raises(InvalidInputError, match=r"`years` must lie in \[0, 5\], got 9"):
        subject.net2(PLACEBO, 9.0)
