"""One hundred reports whose meaning was written down before the rules were."""

import tomllib
from pathlib import Path

import pytest

from sequela.conditioning.reports.rules import read_report
from sequela.core import InvalidInputError

FILE = Path(__file__).parent / "reports" / "sentences.toml"
SENTENCES = tomllib.loads(FILE.read_text(encoding="utf-8"))["sentence"]


def as_parameter(sentence):
    missed = pytest.mark.xfail(reason="a known miss of the rules", strict=True)
    marks = [missed] if sentence.get("known_miss") else []
    return pytest.param(sentence, id=sentence["id"], marks=marks)


def told(finding):
    return {key: getattr(finding, key) for key in ("name", "certainty", "severity", "side")}


def wanted(expectation):
    blank = {"certainty": "present", "severity": None, "side": None}
    return blank | {key: value for key, value in expectation.items() if key != "place"}


def in_order(findings):
    return sorted(findings, key=lambda finding: (finding["name"], str(finding["side"])))


def test_there_are_one_hundred():
    assert len(SENTENCES) == 100


@pytest.mark.parametrize("sentence", [as_parameter(s) for s in SENTENCES])
def test_the_report_is_understood(sentence):
    given = sentence.get("given")
    if "error" in sentence:
        with pytest.raises(InvalidInputError, match=sentence["error"]):
            read_report(sentence["text"], domain=given)
        return
    report = read_report(sentence["text"], domain=given)
    present = [finding for finding in report.findings if finding.certainty != "absent"]
    expected = sentence.get("asked", [])
    assert report.domain == sentence["domain"]
    assert in_order(map(told, present)) == in_order(map(wanted, expected))
    absent = {finding.name for finding in report.findings if finding.certainty == "absent"}
    assert absent == set(sentence.get("absent", []))
    assert sorted(report.devices) == sorted(sentence.get("devices", []))
    for expectation in expected:
        places = {f.place for f in present if f.name == expectation["name"]}
        assert expectation.get("place", "") in places | {""}
