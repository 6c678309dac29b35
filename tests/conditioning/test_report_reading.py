"""What must hold for any report, beyond the hundred."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequela.conditioning.reports import read_report
from sequela.conditioning.vocabulary import CHEST, FUNDUS, SKIN, VOCABULARIES
from sequela.core import InvalidInputError, SequelaError, UnknownNameError

LEADS = {
    "chest": "Chest X-ray shows",
    "fundus": "Fundus photograph shows",
    "skin": "Dermoscopy shows",
}
# A grade alone is no name in a sentence: "shows mild".
NAMED = [
    (vocabulary.domain, words, name)
    for vocabulary in (CHEST, FUNDUS, SKIN)
    for words, name in [*((n, n) for n in vocabulary.findings), *vocabulary.synonyms.items()]
    if not (words in FUNDUS.findings or name in (CHEST.reference, FUNDUS.reference))
]
WORDS = re.findall(
    r"\S+",
    """
    no not without effusion pneumothorax cardiomegaly melanoma retinopathy microaneurysms left
    right both mild large possible resolved excluded unchanged but with or and the heart is lungs
    skin previously history of OD OS L R CM ? : ; , . ( FINDINGS: INDICATION: pacemaker versus
    """,
)


def read_or_refused(text, domain):
    """The report, or the sentence that refuses it; any other error is a failure."""
    try:
        return read_report(text, domain=domain), ""
    except SequelaError as error:
        return None, str(error)


@pytest.mark.parametrize(("domain", "words", "name"), NAMED)
def test_every_word_of_the_vocabulary_is_read(domain, words, name):
    report = read_report(f"{LEADS[domain]} {words}.")
    assert report.domain == domain
    assert name in [f.name for f in report.findings if f.certainty == "present"]


@pytest.mark.parametrize(("domain", "words", "name"), NAMED)
def test_every_word_of_the_vocabulary_can_be_denied(domain, words, name):
    report = read_report(f"{LEADS[domain]} no {words}. Normal image.", domain=domain)
    assert name not in [finding.name for finding in report.asked]
    assert name in [f.name for f in report.findings if f.certainty == "absent"]


@given(st.lists(st.sampled_from(WORDS), max_size=25), st.sampled_from([None, *VOCABULARIES]))
def test_any_words_give_a_report_or_one_sentence(words, domain):
    report, refusal = read_or_refused(" ".join(words), domain)
    assert (report is None) == refusal.startswith("`report`")
    assert "\n" not in refusal
    sides = [(finding.name, finding.side) for finding in report.findings] if report else []
    assert len(sides) == len(set(sides))


@given(st.text(max_size=200))
def test_any_text_gives_a_report_or_one_sentence(text):
    report, refusal = read_or_refused(text, "chest")
    assert (report is None) == refusal.startswith("`report`")


def test_a_denied_finding_changes_nothing_that_is_asked_for():
    text = "Chest X-ray: moderate left effusion and cardiomegaly."
    more = f"{text} There is no pneumothorax, consolidation or pulmonary edema."
    assert read_report(more).asked == read_report(text).asked


def test_the_short_report_has_the_training_format():
    report = read_report("Chest X-ray: pulmonary edema, mild cardiomegaly, no effusion.")
    assert report.prompt == "A chest X-ray image,Cardiomegaly,Edema"


def test_a_normal_film_asks_for_the_reference():
    assert read_report("Chest X-ray normal.").prompt == "A chest X-ray image,No Finding"


def test_the_words_of_the_report_are_kept():
    report = read_report("Chest X-ray.\nSmall  LEFT\npleural effusion.")
    assert report.findings[0].words == "Small LEFT pleural effusion"


def test_a_contradiction_names_both_passages():
    with pytest.raises(InvalidInputError, match=r"No effusion.*Large effusion on this chest film"):
        read_report("No effusion. Large effusion on this chest film.")


def test_a_course_is_no_contradiction():
    report = read_report("Chest film on admission: no effusion. Two days later a large effusion.")
    assert [(f.name, f.severity) for f in report.asked] == [("Effusion", "severe")]


def test_another_domain_than_given_is_named_with_the_given_one():
    with pytest.raises(InvalidInputError, match=r"fundus photographs.*chest X-rays"):
        read_report("Chest X-ray: left pleural effusion.", domain="fundus")


def test_an_unknown_domain_is_named():
    with pytest.raises(UnknownNameError, match="knee"):
        read_report("Chest X-ray: left pleural effusion.", domain="knee")


def test_a_report_on_two_images_is_refused():
    with pytest.raises(InvalidInputError, match="which image"):
        read_report("Chest X-ray: infiltrates, no cardiomegaly. Fundus: mild retinopathy.")


def test_a_long_report_is_refused_at_once():
    with pytest.raises(InvalidInputError, match="20000 characters"):
        read_report("Chest X-ray: no effusion. " * 10_000)


@pytest.mark.parametrize(
    "unit", ["no effusion, a mass ", "heart ", "? ", "the ", "(", "interstitial "]
)
def test_the_longest_report_is_read_in_a_moment(unit):
    text = (unit * 20_000)[:19_000]
    report, refusal = read_or_refused(text, "chest")  # one that backtracks would take minutes
    assert (report is None) == refusal.startswith("`report`")
