"""The rules on real notes that were labelled by hand; the notes stay outside the repository."""

import csv
import os
from pathlib import Path

import pytest

from sequela.conditioning.reports import read_report
from sequela.core import InvalidInputError

LABELS = Path(__file__).parents[2] / "benchmarks" / "reports_cxr_time.csv"


def read(text):
    try:
        return {finding.name for finding in read_report(text, domain="chest").asked}
    except InvalidInputError:
        return set()


@pytest.mark.realdata
def test_real_notes_are_understood_about_as_well_as_measured():
    if "SEQUELA_DATA" not in os.environ:
        pytest.skip("SEQUELA_DATA is not set")
    with LABELS.open(newline="", encoding="utf-8") as stream:
        labels = {row["file"]: set(row["findings"].split(";")) for row in csv.DictReader(stream)}
    notes = Path(os.environ["SEQUELA_DATA"]) / "cxr_time" / "labels.csv"
    with notes.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["file"] in labels]
    pairs = [(labels[row["file"]] - {""}, read(row["text"])) for row in rows]
    right = sum(len(said & found) for said, found in pairs)
    assert len(rows) == len(labels) == 32
    assert right / sum(len(found) for _, found in pairs) >= 0.85
    assert right / sum(len(said) for said, _ in pairs) >= 0.85
