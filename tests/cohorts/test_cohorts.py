"""Adapters read the real layout and refuse what is not it."""

import pytest

from sequela.cohorts import load_cohorts
from sequela.core import InvalidInputError, UnknownNameError, UnreadableFileError
from tests.training.conftest import draw_cohort


def test_findings_splits_and_views_are_read(tmp_path):
    examples = load_cohorts(("cxr-nih",), draw_cohort(tmp_path))
    assert [e.split for e in examples] == ["train"] * 4 + ["val"] * 2
    assert examples[0].findings == ()
    assert examples[1].findings == ("Pleural Thickening", "Pneumonia")
    assert examples[1].view == "PA"


def test_a_missing_table_names_the_remedy(tmp_path):
    with pytest.raises(UnreadableFileError, match="SEQUELA_DATA"):
        load_cohorts(("cxr-nih",), tmp_path)


def test_a_missing_column_is_named(tmp_path):
    table = draw_cohort(tmp_path) / "cxr_nih" / "labels.csv"
    table.write_text(table.read_text().replace("all_findings", "findings"))
    with pytest.raises(InvalidInputError, match="all_findings"):
        load_cohorts(("cxr-nih",), tmp_path)


def test_a_patient_on_two_sides_is_refused(tmp_path):
    table = draw_cohort(tmp_path) / "cxr_nih" / "labels.csv"
    table.write_text(table.read_text().replace("p5,", "p0,"))
    with pytest.raises(InvalidInputError, match="p0 is on two"):
        load_cohorts(("cxr-nih",), tmp_path)


def test_a_missing_image_is_named(tmp_path):
    root = draw_cohort(tmp_path)
    (root / "cxr_nih" / "films" / "003.png").unlink()
    with pytest.raises(UnreadableFileError, match=r"003\.png"):
        load_cohorts(("cxr-nih",), root)


def test_an_unknown_cohort_is_suggested():
    with pytest.raises(UnknownNameError, match="Did you mean 'cxr-nih'"):
        load_cohorts(("cxr-nhi",), None)
