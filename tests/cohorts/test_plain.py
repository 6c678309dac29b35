"""A plain CSV of one's own images."""

import pytest

from sequela.cohorts import plain_csv, split_of
from sequela.core import InvalidInputError
from tests.cohorts.layouts import draw_image, draw_plain, rewrite, write_table

FULL = ("file", "findings", "split", "age_years", "sex", "open_findings")


def test_findings_views_and_words_are_read(tmp_path):
    first, second, third = plain_csv(draw_plain(tmp_path))
    assert first.findings == ("Cardiomegaly", "Edema")
    assert first.view == "PA"
    assert second.findings == ()
    assert third.findings is None
    assert third.text == "Earlier film, lost"
    assert third.path == tmp_path / "more" / "c.png"


def test_without_a_split_the_patient_decides(tmp_path):
    examples = plain_csv(draw_plain(tmp_path))
    assert [e.split for e in examples] == [split_of(e.patient) for e in examples]
    assert examples[0].split == examples[2].split


def test_with_a_split_the_patient_may_be_left_out(tmp_path):
    draw_image(tmp_path / "a.png")
    row = {
        "file": "a.png",
        "split": "test",
        "age_years": "54",
        "sex": "F",
        "open_findings": "Edema",
    }
    write_table(tmp_path / "images.csv", FULL, [row])
    (example,) = plain_csv(tmp_path)
    assert (example.split, example.patient, example.open_findings) == ("test", "a.png", ("Edema",))
    assert (example.age_years, example.sex) == (54.0, "female")


def test_neither_patient_nor_split_is_refused(tmp_path):
    draw_plain(tmp_path)
    rewrite(tmp_path / "images.csv", ",p2,", ",,")
    with pytest.raises(InvalidInputError, match=r"must tell `patient` or `split`.*line 3"):
        plain_csv(tmp_path)


def test_an_unknown_side_is_refused(tmp_path):
    write_table(
        tmp_path / "images.csv",
        FULL,
        [{"file": "a.png", "findings": "Edema", "split": "holdout"}],
    )
    with pytest.raises(InvalidInputError, match=r"`split` must be one of .* got 'holdout'"):
        plain_csv(tmp_path)


def test_a_table_that_a_spreadsheet_saved_is_read(tmp_path):
    draw_plain(tmp_path)
    table = tmp_path / "images.csv"
    before = plain_csv(tmp_path)
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes() + b"\r\n")  # a byte order mark
    assert plain_csv(tmp_path) == before
