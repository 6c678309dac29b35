"""Scrubbing: what tells whose report it is goes, and every clinical word stays."""

import csv
import os
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sequela.conditioning import VOCABULARIES
from sequela.conditioning.reports import read_report
from sequela.conditioning.reports.scrub import scrub
from sequela.core import InvalidInputError

SENTENCES = tomllib.loads(
    (Path(__file__).parent / "reports" / "sentences.toml").read_text(encoding="utf-8")
)["sentence"]
WITH_IDENTIFIERS = {"bullets, identifiers and units"}

LETTER = """\
St. Mary's Hospital, Department of Radiology
12 Main Street, Boston, MA 02115   Tel: (617) 555-1234
Name: LOVELACE, ADA KING      MRN: 00123-A   DOB: 10/12/1931
Accession #: CXR-2020-99812   Referring physician: Dr. Charles van der Berg
Date of exam: March 3, 2020
94-year-old woman with cough for 3 days. Compared with 2 March 2020 and last week.
FINDINGS: Moderate left pleural effusion, 12 mm nodule in the right upper lobe. No pneumothorax.
Cardiothoracic ratio 0.61. Pacemaker. May represent pneumonia. T12 fracture.
Discussed with Mary Somerville at 14:32. Signed by Robert Roe, MD. roe@mary.example"""


def test_a_whole_letter_keeps_its_findings_and_nothing_else():
    scrubbed = scrub(LETTER)
    assert (
        scrubbed.text
        == """\
[institution], Department of Radiology
[address]   Tel: [phone]
Name: [name]      MRN: [number]   DOB: [date]
Accession #: [number]   Referring physician: Dr. [name]
Date of exam: [date]
[age over 89]-year-old woman with cough for 3 days. Compared with [date] and last week.
FINDINGS: Moderate left pleural effusion, 12 mm nodule in the right upper lobe. No pneumothorax.
Cardiothoracic ratio 0.61. Pacemaker. May represent pneumonia. T12 fracture.
Discussed with [name] at 14:32. Signed by [name], MD. [email]"""
    )
    assert scrubbed.removed == (
        "address",
        "age over 89",
        "date",
        "email",
        "institution",
        "name",
        "number",
        "phone",
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Patient: John Smith", "Patient: [name]"),
        ("patient: john smith. Wheezing and stridor.", "patient: [name]. Wheezing and stridor."),
        ("Patient: SMITH, JOHN CHEST PA: EFFUSION", "Patient: [name] CHEST PA: EFFUSION"),
        ("Patient John Smith has an effusion", "Patient [name] has an effusion"),
        ("Name: O'Brien-Lee, Siobhán M.", "Name: [name]"),
        ("Seen by Dr. Jones and Mr Müller", "Seen by Dr. [name] and Mr [name]"),
        ("Dr A. B. Jones", "Dr [name]"),
        ("CALLED TO DR. SMITH. NO EFFUSION", "CALLED TO DR. [name]. NO EFFUSION"),
        ("Reported to Jane Doe by phone", "Reported to [name] by phone"),
        ("Ann Lee, MD, FRCR", "[name], MD, FRCR"),
        ("Patient name - Ravi Kumar", "Patient name - [name]"),
        ("Resident: Kevin Brown. Attending: L. Green", "Resident: [name]. Attending: [name]"),
    ],
)
def test_names_go(text: str, left: str):
    assert scrub(text).text == left
    assert scrub(text).removed == ("name",)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("MRN 00123", "MRN [number]"),
        ("Patient ID: A-7788", "Patient ID: [number]"),
        ("NHS number 943 476 5919", "NHS number [number]"),
        ("SSN 123-45-6789", "SSN [number]"),
        ("Study UID 1.2.840.113619.2.55", "Study UID [number]"),
        ("acc. no. RX2020/11", "acc. no. [number]"),
        ("film 20200303112", "film [number]"),
    ],
)
def test_numbers_of_records_go(text: str, left: str):
    assert scrub(text).text == left
    assert scrub(text).removed == ("number",)


@pytest.mark.parametrize(
    "date",
    [
        *("2020-03-01", "2020/03/01", "03/01/2020", "1.3.2020", "31/12/99", "1 March 2020"),
        *("1st of March", "March 1, 2020", "Mar. 1st 2020", "MARCH 1", "12-Mar-2020", "3 May 2020"),
        *("May 3, 2020", "March 2020", "11/2019", "4th May"),
    ],
)
def test_dates_go(date: str):
    assert scrub(f"Film dated {date}, worse.").text == "Film dated [date], worse."


def test_a_day_and_month_go_where_a_word_of_time_stands_before_them():
    assert scrub("hospitalised from 02/27 to 03/01, on 7/3. Sat 3 May.").text == (
        "hospitalised from [date] to [date], on [date]. Sat [date]."
    )
    assert scrub("cup-to-disc ratio 3/10, grade 2/3").removed == ()


@pytest.mark.parametrize(
    "text",
    [
        "worse since last week, 3 days ago, in 2019, on day 5, yesterday at 14:32",
        "89-year-old man, aged 67, 45 y/o, a 12 mm nodule, 1.5 cm, 92 % saturation, SpO2 97",
        "1. May represent pneumonia. 2. Effusion may be 5 mm. It may 3 weeks later clear.",
        "Moderate DR. No macular edema. MODERATE DR. NO MACULAR EDEMA. Severe DR Macular edema.",
        "Patient: male, 67. Patient: has effusion. Patient Has Left Effusion. Patient 4.",
        "T12 L4 5MM T2 3CM, series 2 image 14, WBC 6.84, D-dimer <150, PCR 106.93, BMI 39.5",
        "the patient was admitted to hospital; normal on admission to the clinic",
        "120-130 HU, FiO2 0.5, 37.5 C, 100.8 F, RR 22, BP 120/80, E/A 3/4, 90 percent, 94 mg",
        "Portable AP. Compared with Prior. Read by day. Signed by hand. Discussed with the team.",
        "Reported by: preliminary. Radiologist: effusion. cc 500 of fluid",
        "Left Lower Lobe Way of spread, 2 Right Upper Lobe nodules close to the hilum",
    ],
)
def test_what_only_looks_like_an_identifier_stays(text: str):
    assert scrub(text).text == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("A 93-year-old man", "A [age over 89]-year-old man"),
        ("101 y/o", "[age over 89] y/o"),
        ("Age: 90", "Age: [age over 89]"),
        ("92F with fever", "[age over 89]F with fever"),
        ("Woman, 95, cough", "Woman, [age over 89], cough"),
        ("ninety-four-year-old", "[age over 89]-year-old"),
    ],
)
def test_ages_over_89_go(text: str, left: str):
    assert scrub(text).text == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Seen at Mortara Hospital (fever)", "Seen at [institution] (fever)"),
        ("University Hospital of North Town: film", "[institution]: film"),
        ("PRINCESS MARGARET HOSPITAL", "[institution]"),
        ("From Brigham and Women's Hospital", "From [institution]"),
        ("14 Acacia Avenue, Leeds LS1 4AP", "[address] [address]"),
        ("at x4471", "at [phone]"),
        ("Hospital: General, Wing 5\nEffusion", "Hospital: [institution]\nEffusion"),
        ("Address: 5 Elm Close, Leeds. Effusion", "Address: [address]. Effusion"),
        ("lives in LS1 4AP with", "lives in [address] with"),
        ("see https://pacs.example/1?id=2 today", "see [url] today"),
        ("call 555-123-4567 or +44 20 7946 0958", "call [phone] or [phone]"),
        ("pager 12345", "pager [phone]"),
    ],
)
def test_places_and_telephones_go(text: str, left: str):
    assert scrub(text).text == left


@pytest.mark.parametrize("case", SENTENCES, ids=[case["id"] for case in SENTENCES])
def test_reports_without_identifiers_stay_as_they_are(case: dict[str, str]):
    scrubbed = scrub(case["text"])
    assert (scrubbed.text != case["text"]) == (case["id"] in WITH_IDENTIFIERS)


FINDINGS = sorted({name for v in VOCABULARIES.values() for name in (*v.names, *v.synonyms)})
PIECES = st.sampled_from(
    [
        *LETTER.splitlines(),
        *("Patient: ", "Dr. ", "Dr ", "MRN ", "on ", "May ", "[name]", "12", "1931", "3/4", "-"),
        *("/", ".", ": ", ", ", "\n", " ", "John ", "SMITH", "Hospital", "of ", "94", "@", "st"),
        *("-year-old", "[", "]", "Street", "signed by ", "over 89", "age ", "date", "ID"),
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=15).map("".join)))
@example("Address: 12 [name] Street 12/12/2020 1931")
@example("age [age over 89] ID 123 [date]")
def test_scrubbing_twice_changes_nothing_more(text: str):
    once = scrub(text)
    twice = scrub(once.text)
    assert twice.text == once.text
    assert twice.removed == ()


@given(
    finding=st.sampled_from(FINDINGS),
    case=st.sampled_from([str, str.upper, str.title, str.lower]),
    before=st.sampled_from(LETTER.splitlines()[:6]),
    border=st.sampled_from(["\n", ". ", "; ", " - ", ": ", " "]),
    word=st.sampled_from(["No", "Left", "Mild", "Possible", "There is no"]),
)
def test_clinical_words_survive_beside_any_identifier(finding, case, before, border, word):
    said = case(f"{word} {finding}")
    assert scrub(f"{before}{border}{said}").text.endswith(said)


def test_a_long_report_is_scrubbed_in_a_blink():
    start = time.monotonic()
    scrub("A. " * 6000)
    scrub((LETTER + "\n") * 25)
    assert time.monotonic() - start < 10


@pytest.mark.realdata
def test_real_notes_say_the_same_after_scrubbing():
    if "SEQUELA_DATA" not in os.environ:
        pytest.skip("SEQUELA_DATA is not set")
    with (Path(os.environ["SEQUELA_DATA"]) / "cxr_time" / "labels.csv").open(
        encoding="utf-8"
    ) as table:
        notes = sorted({row["text"] for row in csv.DictReader(table) if row["text"]})
    changed = [note for note in notes if scrub(note).removed]
    assert len(changed) > 30
    assert [n for n in changed if understood(n) != understood(scrub(n).text)] == []


def understood(text: str) -> object:
    """What the rules make of it, but for its words."""
    try:
        report = read_report(text, domain="chest")
    except InvalidInputError:
        return None
    return [replace(finding, words="") for finding in report.findings], report.devices
