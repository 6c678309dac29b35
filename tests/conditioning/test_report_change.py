"""What a follow-up report adds to a baseline report."""

import pytest

from sequela.conditioning.reports import (
    Report,
    ReportedFinding,
    new_findings,
    stages,
    weight,
)
from sequela.core import InvalidInputError


def chest(*findings):
    return Report(domain="chest", findings=findings, provider="rules")


def fundus(*findings):
    return Report(domain="fundus", findings=findings, provider="rules")


def finding(name, **said):
    return ReportedFinding(name=name, **said)


def names(findings):
    return [f.name for f in findings]


def test_without_a_baseline_everything_is_asked_for():
    report = chest(finding("Effusion"), finding("Edema", certainty="absent"))
    change = new_findings(None, report)
    assert names(change.asked) == ["Effusion"]
    assert change.kept == change.resolved == ()


def test_what_is_there_already_is_not_asked_for_again():
    baseline = chest(finding("Cardiomegaly"))
    change = new_findings(baseline, chest(finding("Cardiomegaly"), finding("Edema")))
    assert names(change.asked) == ["Edema"]
    assert names(change.kept) == ["Cardiomegaly"]


@pytest.mark.parametrize(
    ("before", "after", "asked"),
    [
        ({"severity": "mild"}, {"severity": "severe"}, True),
        ({"severity": "severe"}, {"severity": "mild"}, False),
        ({"severity": "mild"}, {}, False),
        ({"certainty": "possible"}, {"certainty": "present"}, True),
        ({"certainty": "present"}, {"certainty": "possible"}, False),
        ({"side": "left"}, {"side": "right"}, True),
        ({"side": "both"}, {"side": "right"}, False),
        ({"side": "left"}, {}, False),
        ({}, {"side": "left"}, False),
    ],
)
def test_only_what_is_worse_surer_or_elsewhere_is_asked_for_again(before, after, asked):
    change = new_findings(chest(finding("Effusion", **before)), chest(finding("Effusion", **after)))
    assert bool(change.asked) is asked
    assert bool(change.kept) is not asked


def test_of_two_sides_only_the_new_one_is_asked_for():
    baseline = chest(finding("Effusion", side="left"))
    change = new_findings(baseline, chest(finding("Effusion", side="both")))
    assert [f.side for f in change.asked] == ["right"]


def test_what_the_follow_up_denies_has_gone():
    baseline = chest(finding("Effusion"), finding("Edema"))
    change = new_findings(baseline, chest(finding("Effusion", certainty="absent")))
    assert names(change.resolved) == ["Effusion"]


def test_what_has_gone_from_one_side_stays_on_the_other():
    baseline = chest(finding("Effusion", side="both"))
    told = (
        finding("Effusion", side="left"),
        finding("Effusion", side="right", certainty="absent"),
    )
    change = new_findings(baseline, chest(*told))
    assert [f.side for f in change.resolved] == ["right"]
    assert [f.side for f in change.kept] == ["left"]


def test_a_normal_follow_up_ends_everything():
    baseline = chest(finding("Effusion"), finding("Edema"))
    change = new_findings(baseline, chest(finding("No Finding")))
    assert names(change.resolved) == ["Effusion", "Edema"]
    assert change.asked == ()


def test_a_finding_that_is_not_mentioned_has_neither_gone_nor_stayed():
    change = new_findings(chest(finding("Effusion")), chest(finding("Edema")))
    assert (change.kept, change.resolved) == ((), ())


def test_a_higher_grade_replaces_a_lower_one_without_steering_away_from_it():
    change = new_findings(fundus(finding("mild")), fundus(finding("severe")))
    assert (names(change.asked), change.resolved) == (["severe"], ())


def test_a_lower_grade_ends_a_higher_one():
    change = new_findings(fundus(finding("severe")), fundus(finding("mild")))
    assert (names(change.asked), names(change.resolved)) == (["mild"], ["severe"])


def test_an_ungraded_retinopathy_is_covered_by_any_grade():
    change = new_findings(fundus(finding("moderate")), fundus(finding("diabetic")))
    assert (change.asked, names(change.kept)) == ((), ["diabetic"])


def test_reports_of_different_domains_are_refused():
    with pytest.raises(InvalidInputError, match=r"`baseline` .*'chest'.*'fundus'"):
        new_findings(fundus(finding("mild")), chest(finding("Edema")))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"severity": "mild"}, 0.6),
        ({"severity": "moderate"}, 0.8),
        ({"severity": "severe"}, 1.0),
        ({}, 1.0),
        ({"certainty": "possible"}, 0.5),
        ({"severity": "mild", "certainty": "possible"}, 0.3),
        ({"certainty": "absent"}, 0.0),
    ],
)
def test_severity_and_certainty_give_the_weight(said, expected):
    assert weight(finding("Effusion", **said)) == pytest.approx(expected)


def test_severity_rises_to_what_the_report_says():
    texts = stages(None, chest(finding("Effusion", severity="severe")), 3)
    assert texts == tuple(
        f"A chest X-ray image,{severity} Effusion" for severity in ("mild", "moderate", "severe")
    )


def test_findings_arrive_in_the_order_of_the_report():
    named = ("Effusion", "Edema", "Pneumonia")
    texts = stages(None, chest(*map(finding, named)), 9)
    arrivals = [next(i for i, text in enumerate(texts) if name in text) for name in named]
    assert arrivals == sorted(set(arrivals))
    assert arrivals[0] == 0


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_the_last_stage_is_the_follow_up(count):
    baseline = chest(finding("Edema"), finding("Effusion", severity="mild"))
    report = chest(
        finding("Cardiomegaly"), finding("Effusion"), finding("Edema", certainty="absent")
    )
    texts = stages(baseline, report, count)
    assert len(texts) == count
    assert texts[-1] == report.prompt


def test_what_is_worse_rises_from_where_it_was():
    before = chest(finding("Effusion", severity="moderate"))
    texts = stages(before, chest(finding("Effusion", severity="severe")), 4)
    assert not any("mild" in text for text in texts)
    assert "severe Effusion" in texts[-1]


def test_what_has_gone_fades_and_leaves():
    texts = stages(chest(finding("Effusion", severity="severe")), chest(finding("No Finding")), 3)
    assert texts == (
        "A chest X-ray image,moderate Effusion",
        "A chest X-ray image,mild Effusion",
        "A chest X-ray image,No Finding",
    )


def test_the_fundus_climbs_the_grades():
    texts = stages(fundus(finding("mild")), fundus(finding("proliferative")), 3)
    assert [text.rsplit(",")[-1] for text in texts] == ["moderate", "severe", "proliferative"]


def test_an_improved_fundus_steps_down_the_grades_one_at_a_time():
    texts = stages(fundus(finding("severe")), fundus(finding("mild")), 2)
    assert [text.rsplit(",")[1:] for text in texts] == [["moderate"], ["mild"]]


def test_skin_knows_no_severity_words():
    report = Report(domain="skin", findings=(finding("melanoma"),), provider="rules")
    assert set(stages(None, report, 4)) == {"An image of skin,melanoma"}


def test_no_stages_are_refused():
    with pytest.raises(InvalidInputError, match="`count`"):
        stages(None, chest(finding("Effusion")), 0)
