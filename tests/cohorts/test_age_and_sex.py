"""Age and sex in the tables beside the repository: what is told is read, what is not is unknown."""

import pytest

from sequela.cohorts.examples import age_years_of, sex_of


@pytest.mark.parametrize(
    ("cells", "years", "sex"),
    [
        ({"age": "58", "sex": "M"}, 58.0, "male"),
        ({"age": "0.5", "sex": "female"}, 0.5, "female"),
        ({"age": "", "sex": ""}, None, ""),
        ({"age": "unknown", "sex": "unknown"}, None, ""),
        ({}, None, ""),
    ],
)
def test_what_is_told_is_read_and_what_is_not_is_unknown(cells, years, sex):
    assert age_years_of(cells) == years
    assert sex_of(cells) == sex
