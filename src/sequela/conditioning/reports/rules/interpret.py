"""Interpret: what the mentions of a domain amount to, grades and diagnoses from signs included."""

import re
from collections.abc import Sequence
from dataclasses import replace

from sequela.conditioning.reports.report import ReportedFinding
from sequela.conditioning.reports.rules.lexicon import FINDING, NORMAL, SIGN
from sequela.conditioning.reports.rules.mentions import Mention
from sequela.conditioning.reports.rules.merge import ASKED, check_agree, meet, merged
from sequela.conditioning.reports.rules.scope import ABSENT, POSSIBLE, PRESENT, Verdict
from sequela.conditioning.reports.rules.sites import Site
from sequela.conditioning.vocabulary import vocabulary_of

_GRADES = ("diabetic", "mild", "moderate", "severe", "proliferative")


def findings_of(mentions: Sequence[Mention], domain: str, text: str) -> tuple[ReportedFinding, ...]:
    """The findings of one report.

    Args:
        mentions: Everything the lexicon of the domain found.
        domain: `chest`, `fundus` or `skin`.
        text: The report.

    Raises:
        InvalidInputError: The report contradicts itself.
    """
    meant = [m for m in mentions if m.hit.kind in (FINDING, SIGN) and m.certainty != "ignored"]
    if domain == "fundus":
        findings = _graded(meant, diabetes="diabet" in text.lower())
    elif domain == "skin":
        findings = merged([replace(m, severity=None) for m in _diagnosed(meant)])
    else:
        findings = merged(meant)
    return (*_reference(mentions, findings, domain), *findings)


def _reference(
    mentions: Sequence[Mention], findings: Sequence[ReportedFinding], domain: str
) -> tuple[ReportedFinding, ...]:
    """The reference, where the text calls something normal and asks for no disease."""
    if any(finding.certainty in ASKED for finding in findings):
        return ()
    normal = [m.words for m in mentions if m.hit.kind == NORMAL and m.certainty == PRESENT]
    normal += [f.words for f in findings if f.name == "diabetic"]  # "no diabetic retinopathy"
    name = vocabulary_of(domain).reference
    return (ReportedFinding(name=name, words=normal[0]),) if normal else ()


def _graded(mentions: list[Mention], *, diabetes: bool) -> tuple[ReportedFinding, ...]:
    """Grades of retinopathy: as stated, else from the signs; of several for an eye the highest."""
    for no in (m for m in mentions if m.hit.kind == FINDING and m.certainty == ABSENT):
        for yes in (m for m in mentions if m.hit.kind == FINDING and m.certainty in ASKED):
            if no.hit.name == "diabetic":
                check_agree(yes, no)
    stated = [_with_grade(m) for m in mentions if m.hit.kind == FINDING]
    graded = [m for m in stated if m.certainty in ASKED and m.hit.name != "diabetic"]
    signs = [
        _from_sign(m, sure=diabetes)
        for m in mentions
        if m.hit.kind == SIGN and not any(meet(_eye(m), _eye(g)) for g in graded)
    ]
    kept = [m for m in signs if m.certainty != ABSENT]
    kept += [
        m
        for m in mentions
        if m.hit.kind == SIGN and m.certainty == ABSENT and m.hit.name == "proliferative"
    ]
    return _highest(merged([*stated, *kept]))


def _with_grade(mention: Mention) -> Mention:
    """Its severity is its grade."""
    name = mention.hit.name
    if name == "diabetic" and mention.severity is not None:
        name = mention.severity
    if name == "diabetic" and re.search(r"\bbackground\b", mention.words, re.IGNORECASE):
        name = "mild"
    return replace(mention, hit=replace(mention.hit, name=name), severity=None)


def _from_sign(mention: Mention, *, sure: bool) -> Mention:
    certain = mention.certainty if sure or mention.certainty == ABSENT else POSSIBLE
    return replace(mention, verdict=Verdict(certainty=certain), severity=None)


def _highest(findings: Sequence[ReportedFinding]) -> tuple[ReportedFinding, ...]:
    """Without lower grades of the same eye; an eye has one grade."""

    def beaten(low: ReportedFinding) -> bool:
        return any(
            high.certainty in ASKED
            and _GRADES.index(high.name) > _GRADES.index(low.name)
            and meet(Site(side=high.side), Site(side=low.side))
            for high in findings
        )

    return tuple(f for f in findings if f.certainty == ABSENT or not beaten(f))


def _eye(mention: Mention) -> Site:
    return Site(side=mention.site.side)


def _diagnosed(mentions: list[Mention]) -> list[Mention]:
    """Stated diagnoses, and where none is certain the possible ones that signs suggest."""
    stated = [m for m in mentions if m.hit.kind == FINDING]
    if any(m.certainty == PRESENT for m in stated):
        return stated
    signs = [m for m in mentions if m.hit.kind == SIGN and m.certainty in ASKED]
    return [*stated, *(replace(m, verdict=Verdict(certainty=POSSIBLE)) for m in signs)]
