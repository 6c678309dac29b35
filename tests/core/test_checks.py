import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequela.core import InvalidInputError, UnknownNameError
from sequela.core.checks import (
    check_choice,
    check_count,
    check_finite,
    check_positive,
    check_share,
    unknown_name,
)


@given(st.floats(0, 1))
def test_every_share_from_0_to_1_passes(value):
    check_share("strength", value)


@given(st.floats().filter(lambda v: not 0 <= v <= 1))
def test_every_other_number_is_no_share(value):
    with pytest.raises(InvalidInputError, match=r"`strength` must lie in \[0, 1\], got"):
        check_share("strength", value)


def test_the_sentence_names_the_argument_the_rule_the_value_and_the_remedy():
    with pytest.raises(InvalidInputError) as info:
        check_share("strength", 1.4, hint="0.3 to 0.6 keeps the anatomy.")
    expected = "`strength` must lie in [0, 1], got 1.4. 0.3 to 0.6 keeps the anatomy."
    assert str(info.value) == expected


def test_zero_may_be_left_out_of_the_shares():
    with pytest.raises(InvalidInputError, match=r"\(0, 1\]"):
        check_share("strength", 0, above_zero=True)
    check_share("strength", 1, above_zero=True)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, True, "2", None])
def test_what_is_no_positive_number_is_refused(value):
    with pytest.raises(InvalidInputError, match="must be above 0"):
        check_positive("fps", value)


@pytest.mark.parametrize("value", [0, 1.0, True, "3"])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(InvalidInputError, match="whole number of at least 1"):
        check_count("num_steps", value)


def test_a_count_may_have_another_minimum():
    check_count("seed", 0, minimum=0)
    with pytest.raises(InvalidInputError, match="at least 2"):
        check_count("frames", 1, minimum=2)


@pytest.mark.parametrize("value", [math.nan, -math.inf, True, "1"])
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(InvalidInputError, match="must be a finite number, got"):
        check_finite("eta", value)


def test_a_finite_number_may_have_a_minimum():
    check_finite("weight", 0, minimum=0)
    with pytest.raises(InvalidInputError, match="at least 0, got -1"):
        check_finite("weight", -1, minimum=0)


def test_a_near_miss_is_suggested_with_its_own_spelling():
    with pytest.raises(UnknownNameError, match="Did you mean 'Pneumonia'"):
        check_choice("finding", "pneumnia", ["Edema", "Pneumonia"])


def test_a_wild_miss_lists_what_is_known():
    assert unknown_name("model", "zzz", ["b", "a"]) == "`model` 'zzz' is not known. Known: a, b."
    assert unknown_name("model", "zzz", []).endswith("Known: none.")
