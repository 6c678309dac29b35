"""Identity figures against hand-worked pairs, and judges that see all, little or nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequela.core import InvalidInputError
from sequela.metrics.identity import (
    cosine,
    equal_error_threshold,
    identity,
    pairs_of,
    region_box,
    roc,
    share_same,
    verification,
)


def test_all_pairs_are_there_once_and_genuine_by_patient():
    pairs = pairs_of(np.array(["a", "a", "b"]))
    found = list(zip(pairs.first, pairs.second, pairs.genuine, strict=True))
    assert found == [(0, 1, True), (0, 2, False), (1, 2, False)]


def test_impostors_of_another_kind_are_left_out_but_no_genuine_pair_is():
    pairs = pairs_of(np.array(["a", "a", "b", "c"]), np.array(["PA", "AP", "AP", "PA"]))
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert found == {(0, 1), (0, 3), (1, 2)}


def test_verification_of_a_hand_worked_case():
    """Genuine .9 and .4, impostors .8, .3, .2, .1: seven of eight comparisons are right."""
    patients = np.array(["a", "a", "b", "b"])
    pairs = pairs_of(patients)  # (0 1) and (2 3) are genuine
    alike = np.array([0.9, 0.8, 0.3, 0.2, 0.1, 0.4])
    found = verification(alike, pairs, patients, draws=50)
    assert found.auroc.value == pytest.approx(7 / 8)
    assert (found.genuine, found.impostors, found.auroc.patients) == (2, 4, 2)
    assert found.accepted == pytest.approx(0.5)  # only .9 is above what 5 % of impostors exceed


def test_the_roc_of_a_hand_worked_case():
    false, true = roc(np.array([0.9, 0.8, 0.4, 0.1]), np.array([True, False, True, False]))
    assert false.tolist() == [0, 0, 0.5, 0.5, 1]
    assert true.tolist() == [0, 0.5, 0.5, 1, 1]


def test_the_equal_error_threshold_errs_equally():
    draw = np.random.default_rng(0)
    genuine = np.repeat([True, False], [400, 4000])
    alike = draw.normal(genuine * 2.0, 1)
    limit = equal_error_threshold(alike, genuine)
    assert limit == pytest.approx(1, abs=0.15)  # half way between two equal spreads
    assert np.mean(alike[~genuine] >= limit) == pytest.approx(
        np.mean(alike[genuine] < limit), abs=0.01
    )


def test_a_judge_that_knows_the_hospital_alone_fails_on_matched_impostors():
    draw = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), 2)
    hospital = np.repeat(draw.integers(0, 2, 40), 2)
    pairs = pairs_of(patients)
    alike = -np.abs(hospital[pairs.first] - hospital[pairs.second]) * 1.0
    kept = pairs_of(patients, hospital)
    matched = -np.abs(hospital[kept.first] - hospital[kept.second]) * 1.0
    assert verification(alike, pairs, patients, draws=20).auroc.value > 0.7
    assert verification(matched, kept, patients, draws=20).auroc.value == 0.5


def test_cohorts_without_repeat_visits_cannot_measure_a_judge():
    patients = np.array(["a", "b", "c"])
    with pytest.raises(InvalidInputError, match="Repeat visits make genuine pairs"):
        verification(np.zeros(3), pairs_of(patients), patients)


def test_identity_is_the_cosine_of_what_the_network_sees():
    before = np.zeros((2, 1, 2, 2))
    before[:, 0, 0, 0] = 1
    after = before.copy()
    after[1, 0, 0, 0], after[1, 0, 1, 1] = 0, 5

    def embed(images):
        return images.reshape(len(images), -1)

    assert identity(embed, before, after).tolist() == [1, 0]
    with pytest.raises(InvalidInputError, match="must pair up, got 2 and 1"):
        identity(embed, before, after[:1])


def test_the_share_judged_the_same_counts_from_the_threshold_on():
    found = share_same(
        np.array([0.4, 0.5, 0.9, 0.1]), np.array(["a", "a", "b", "c"]), threshold=0.5
    )
    assert (found.value, found.cases, found.patients) == (0.5, 4, 3)


def test_cosines_do_not_depend_on_length():
    assert cosine(np.array([[1.0, 1.0]]), np.array([[9.0, 0.0]]))[0] == pytest.approx(0.5**0.5)


def test_the_box_of_a_region_has_a_margin_and_stays_on_the_image():
    region = np.zeros((40, 100), np.float32)
    region[0:10, 40:60] = 1
    region[30, 90] = 0.4  # the feathered edge does not count
    assert region_box(region, margin=0.1) == (slice(0, 11), slice(38, 62))


def test_an_empty_region_is_the_whole_image():
    assert region_box(np.zeros((8, 9))) == (slice(0, 8), slice(0, 9))


@given(st.integers(0, 7), st.integers(0, 7), st.floats(0, 1))
def test_the_box_always_holds_the_region(row, column, margin):
    region = np.zeros((8, 8))
    region[row, column] = 1
    assert region[region_box(region, margin=margin)].sum() == 1
