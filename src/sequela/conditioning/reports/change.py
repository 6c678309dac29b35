"""Change: what a follow-up report adds to a baseline report.

The baseline report is y_0, the follow-up y_N of Liang et al., "PIE", arXiv:2309.11745: what the
patient has already is not asked for again, or an edit would pile a second effusion on the first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sequela.conditioning.reports.report import SEVERITIES, Report, ReportedFinding
from sequela.core import InvalidInputError

# Share of the guidance that a finding gets. Ours: models that know findings only know no
# severities, so a mild finding is asked for more quietly, yet by more than half.
_SEVERITY_WEIGHTS = {"mild": 0.6, "moderate": 0.8, "severe": 1.0, None: 1.0}
_CERTAINTY_WEIGHTS = {"present": 1.0, "possible": 0.5, "absent": 0.0}

GRADES = ("mild", "moderate", "severe", "proliferative")  # of retinopathy; an eye has one
UNGRADED = "diabetic"

_BOTH = frozenset({"left", "right"})
_SIDES: dict[str | None, frozenset[str]] = {
    None: _BOTH,
    "both": _BOTH,
    "left": frozenset({"left"}),
    "right": frozenset({"right"}),
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a follow-up report says beside a baseline report.

    Attributes:
        asked: New, worse, or more certain than before: what to simulate.
        kept: In both, so not asked for again.
        resolved: In the baseline, and gone: what to steer away from.
    """

    asked: tuple[ReportedFinding, ...]
    kept: tuple[ReportedFinding, ...] = ()
    resolved: tuple[ReportedFinding, ...] = ()


def weight(finding: ReportedFinding) -> float:
    """Share of the guidance for a finding, in [0, 1]: its severity times its certainty."""
    return _SEVERITY_WEIGHTS[finding.severity] * _CERTAINTY_WEIGHTS[finding.certainty]


def new_findings(baseline: Report | None, follow_up: Report) -> Change:
    """What is new in the follow-up, what was there already, and what has gone.

    A finding that the follow-up does not mention counts neither as kept nor as resolved, for a
    report does not repeat everything. It has resolved where the follow-up denies it, calls the
    whole image normal, or tells a lower grade of retinopathy.

    Args:
        baseline: The report of the image to start from; None knows of nothing.
        follow_up: The report of the image to arrive at.

    Raises:
        InvalidInputError: The reports are about different domains.
    """
    if baseline is None:
        return Change(asked=follow_up.asked)
    if baseline.domain != follow_up.domain:
        raise InvalidInputError(
            f"`baseline` must be about {follow_up.domain!r} images like the follow-up report, got "
            f"one about {baseline.domain!r}. Give two reports of the same kind of image."
        )
    asked: list[ReportedFinding] = []
    kept: list[ReportedFinding] = []
    for finding in follow_up.asked:
        known = _sides(b for b in baseline.asked if _covers(b, finding))
        if finding.side is None and known:
            known = _BOTH  # nothing says that it is the other side
        rest = _on(finding, _SIDES[finding.side] - known)
        if rest is None:
            kept.append(finding)
        else:
            asked.append(rest)
    gone = (_on(f, _gone(f, follow_up)) for f in baseline.asked)
    resolved = tuple(f for f in gone if f is not None)
    return Change(asked=tuple(asked), kept=tuple(kept), resolved=resolved)


def shares_side(one: ReportedFinding, other: ReportedFinding) -> bool:
    """Whether two findings may lie on the same side."""
    return not _SIDES[one.side].isdisjoint(_SIDES[other.side])


def _covers(before: ReportedFinding, finding: ReportedFinding) -> bool:
    """Whether the baseline has a finding already, as bad and as certain as it is now."""
    same = before.name == finding.name or (finding.name == UNGRADED and before.name in GRADES)
    worse = False
    if before.severity is not None and finding.severity is not None:
        worse = SEVERITIES.index(finding.severity) > SEVERITIES.index(before.severity)
    surer = before.certainty == "possible" and finding.certainty == "present"
    return same and not worse and not surer


def _gone(finding: ReportedFinding, follow_up: Report) -> frozenset[str]:
    """The sides from which a finding of the baseline has gone."""
    told = follow_up.findings
    gone = _sides(f for f in told if _ends(f, finding))
    if not follow_up.asked and any(f.certainty == "present" for f in told):
        gone = _BOTH  # the follow-up calls the image normal
    still = _sides(f for f in follow_up.asked if f.name == finding.name)
    return (_SIDES[finding.side] & gone) - still


def _ends(told: ReportedFinding, finding: ReportedFinding) -> bool:
    """Whether what the follow-up tells rules a finding of the baseline out."""
    if told.certainty == "absent":
        return told.name in (finding.name, UNGRADED)
    graded = told.name in GRADES and finding.name in GRADES
    return graded and GRADES.index(told.name) < GRADES.index(finding.name)


def _sides(findings: Iterable[ReportedFinding]) -> frozenset[str]:
    return frozenset(side for f in findings for side in _SIDES[f.side])


def _on(finding: ReportedFinding, sides: frozenset[str]) -> ReportedFinding | None:
    """The finding on these of its sides; None without any."""
    if sides == _SIDES[finding.side]:
        return finding
    return replace(finding, side=min(sides)) if sides else None
