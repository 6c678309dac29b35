"""Stages: texts for the states between a baseline and a follow-up report."""

import math
from dataclasses import dataclass

from sequela.conditioning.reports.change import (
    GRADES,
    UNGRADED,
    new_findings,
    shares_side,
)
from sequela.conditioning.reports.report import SEVERITIES, Report, ReportedFinding
from sequela.conditioning.vocabulary import vocabulary_of
from sequela.core.checks import check_count


def stages(baseline: Report | None, follow_up: Report, count: int) -> tuple[str, ...]:
    """Texts for the states on the way, in the training format with words of severity.

    New findings arrive one after the other, in the order of the report, over the first half of the
    way; in chest films each begins mild and rises to what the report says, in the fundus it climbs
    the grades. What is worse than before rises from where it was, what has gone fades and leaves.
    Images of skin know no severity: there a finding is named, or not. The last text is that of the
    follow-up. A model that is conditioned on findings ignores the words of severity.

    Args:
        baseline: The report of the image to start from, or None.
        follow_up: The report of the image to arrive at.
        count: States after the baseline, at least 1.

    Returns:
        `count` texts, the last one for the follow-up.

    Raises:
        InvalidInputError: `count` is below 1, or the reports are about different domains.
    """
    check_count("count", count)
    vocabulary = vocabulary_of(follow_up.domain)
    ways = _ways(baseline, follow_up)
    texts = []
    for state in range(1, count + 1):
        labels = {way.label(state / count) for way in ways} - {""}
        texts.append(vocabulary.prompt(labels or {vocabulary.reference}))
    return tuple(texts)


@dataclass(frozen=True, kw_only=True)
class _Way:
    """How one finding gets from baseline to follow-up.

    Attributes:
        rungs: Its labels from the least to the worst.
        start: Rungs climbed at the baseline; 0 is not there.
        end: Rungs climbed at the follow-up.
        delay: Share of the way before it sets out.
    """

    rungs: tuple[str, ...]
    start: int
    end: int
    delay: float = 0.0

    def label(self, share: float) -> str:
        """The label after a share of the way in (0, 1]; "" where it is not there."""
        own = min(max((share - self.delay) / (1 - self.delay), 0.0), 1.0)
        height = self.start + (self.end - self.start) * own
        climbed = math.ceil(height - 1e-9)  # whoever sets out is on the first rung
        return self.rungs[climbed - 1] if climbed else ""


def _ways(baseline: Report | None, follow_up: Report) -> list[_Way]:
    domain = follow_up.domain
    change = new_findings(baseline, follow_up)
    replaced = [f for f in change.resolved if f.name in GRADES and _successor(f, follow_up)]
    ways = [_still(_rungs(finding, domain)) for finding in change.kept]
    for i, finding in enumerate(change.asked):
        start = _climbed(finding, baseline)
        rungs = GRADES if finding.name in GRADES else _rungs(finding, domain)
        end = GRADES.index(finding.name) + 1 if finding.name in GRADES else len(rungs)
        delay = 0.0 if start else 0.5 * i / len(change.asked)
        ways.append(_Way(rungs=rungs, start=start, end=end, delay=delay))
    for finding in change.resolved:
        if finding not in replaced:
            rungs = _rungs(finding, domain)
            ways.append(_Way(rungs=rungs, start=len(rungs), end=0))
    return ways


def _still(rungs: tuple[str, ...]) -> _Way:
    return _Way(rungs=rungs, start=len(rungs), end=len(rungs))


def _rungs(finding: ReportedFinding, domain: str) -> tuple[str, ...]:
    """The labels of a finding from its first appearance to what the report says."""
    if finding.name in GRADES:
        return GRADES[: GRADES.index(finding.name) + 1]
    if domain != "chest":
        return (finding.name,)
    if finding.severity is None:
        return (*(f"{severity} {finding.name}" for severity in SEVERITIES[:2]), finding.name)
    told = SEVERITIES[: SEVERITIES.index(finding.severity) + 1]
    return tuple(f"{severity} {finding.name}" for severity in told)


def _climbed(finding: ReportedFinding, baseline: Report | None) -> int:
    """How many of its rungs the baseline has climbed already."""
    before = [f for f in baseline.asked if shares_side(f, finding)] if baseline else []
    if finding.name in GRADES:
        ranks = [GRADES.index(f.name) + 1 for f in before if f.name in GRADES]
        return max(ranks, default=int(any(f.name == UNGRADED for f in before)))
    same = [f.severity for f in before if f.name == finding.name and f.certainty == "present"]
    return max((SEVERITIES.index(s) + 1 for s in same if s is not None), default=0)


def _successor(finding: ReportedFinding, follow_up: Report) -> bool:
    """Whether the follow-up has another grade for the same eye."""
    return any(f.name in GRADES and shares_side(f, finding) for f in follow_up.asked)
