"""Merge: the mentions of one finding as one statement a side, or a contradiction by name."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sequela.conditioning.reports.report import SEVERITIES, ReportedFinding
from sequela.conditioning.reports.rules.mentions import Mention
from sequela.conditioning.reports.rules.scope import ABSENT, POSSIBLE, PRESENT
from sequela.conditioning.reports.rules.sites import Site
from sequela.core import InvalidInputError

ASKED = (PRESENT, POSSIBLE)
# Words of time make two opposite sentences a course; the later one then holds.
_TIME = re.compile(
    r"\b(?:now|today|initial\w*|admission|earlier|later|after|previous\w*|prior|interval|resol\w+|"
    r"no longer|subsequent\w*|days?|weeks?|months?|follow.?up|new|since|before|again|repeat|"
    r"cleared|disappear\w+|develop\w*)\b",
    re.IGNORECASE,
)


def merged(mentions: Sequence[Mention]) -> tuple[ReportedFinding, ...]:
    """Findings in the order of the report, the absent last, each at most once for a side.

    Raises:
        InvalidInputError: One passage says what another denies, and neither side, place nor time
            tells them apart.
    """
    names = list(dict.fromkeys(m.hit.name for m in mentions))
    findings = [f for name in names for f in _of_one([m for m in mentions if m.hit.name == name])]
    return tuple(sorted(findings, key=lambda finding: finding.certainty == ABSENT))


def check_agree(yes: Mention, no: Mention) -> None:
    """Refuse two statements of which one firmly says what the other firmly denies.

    Raises:
        InvalidInputError: With both passages.
    """
    firm = yes.certainty == PRESENT and no.verdict.firm and meet(yes.site, no.site)
    if not firm or _TIME.search(yes.words) or _TIME.search(no.words):
        return
    raise InvalidInputError(
        f"`report` must not contradict itself about {yes.hit.name!r}, got {no.words!r} and "
        f"{yes.words!r}. Correct one of them, or name what to simulate with --finding."
    )


def meet(one: Site, other: Site) -> bool:
    """Whether two sites may be the same."""
    sides = one.side == other.side or not {one.side, other.side}.isdisjoint({None, "both"})
    return sides and (one.place == other.place or not (one.place and other.place))


def _of_one(mentions: list[Mention]) -> list[ReportedFinding]:
    said = [m for m in mentions if m.certainty in ASKED]
    denied = [m for m in mentions if m.certainty == ABSENT]
    for no in denied:
        for yes in said:
            check_agree(yes, no)
    standing = [yes for yes in said if not any(_ended(yes, no) for no in denied)]
    left = [no for no in denied if not any(meet(no.site, yes.site) for yes in standing)]
    return [*_by_side(standing), *_by_side(left)]


def _ended(yes: Mention, no: Mention) -> bool:
    """Whether a later sentence says that it has gone."""
    later = yes.sentence < no.sentence and no.verdict.firm
    return later and _TIME.search(no.words) is not None and meet(yes.site, no.site)


def _by_side(mentions: list[Mention]) -> list[ReportedFinding]:
    """One finding for each side that is told; what tells no side counts for those that are."""
    unsaid = [m for m in mentions if m.site.side is None]
    sides = {
        side: [m for m in mentions if m.site.side in (side, "both")] for side in ("left", "right")
    }
    told = [_as_one([*on, *unsaid], side) for side, on in sides.items() if on]
    if not told:
        return [_as_one(unsaid, None)] if unsaid else []
    if len(told) == 2 and _alike(*told):
        return [replace(told[0], side="both")]
    return told


def _alike(left: ReportedFinding, right: ReportedFinding) -> bool:
    """Whether two sides say the same but for their words."""
    return replace(left, side="both", words="") == replace(right, side="both", words="")


def _as_one(mentions: list[Mention], side: str | None) -> ReportedFinding:
    certainties = {m.certainty for m in mentions}
    certainty = next(c for c in (PRESENT, POSSIBLE, ABSENT) if c in certainties)
    return ReportedFinding(
        name=mentions[0].hit.name,
        certainty=certainty,
        severity=None if certainty == ABSENT else _worst(m.severity for m in mentions),
        side=side,
        place=" and ".join(dict.fromkeys(m.site.place for m in mentions if m.site.place)),
        words=" ".join(dict.fromkeys(m.words for m in mentions)),
    )


def _worst(severities: Iterable[str | None]) -> str | None:
    told = [s for s in severities if s is not None]
    return max(told, key=SEVERITIES.index) if told else None
