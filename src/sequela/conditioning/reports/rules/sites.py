"""Sites and severities: the words beside a finding that tell where it is and how bad."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sequela.conditioning.reports.report import SEVERITIES
from sequela.conditioning.reports.rules.lexicon import Lexicon, any_of

_SIDES = {
    "both": (
        r"bilateral(?:ly)?|bi ?basilar|bi ?basal|biapical|both",
        r"(?:left|right) and (?:the )?(?:left|right)(?! \w+ (?:lobe|zone))",
    ),
    "left": (r"left(?: sided)?", r"lingula\w*"),
    "right": (r"right(?: sided)?",),
}
_SEVERITIES = {
    "mild": (
        r"mild(?:ly)?|minimal(?:ly)?|small|tiny|trace|slight(?:ly)?|subtle|faint|minor|early|"
        r"in situ|low grade|little",
    ),
    "moderate": (r"moderate(?:ly)?(?: sized?)?|medium(?: sized?)?",),
    "severe": (
        r"severe(?:ly)?|large|massive|marked(?:ly)?|extensive(?:ly)?|gross(?:ly)?|advanced|huge|"
        r"tension|invasive|florid|considerable",
    ),
}
_SIDE_OF = {name: any_of(phrases) for name, phrases in _SIDES.items()}
_SEVERITY_OF = {name: any_of(phrases) for name, phrases in _SEVERITIES.items()}
# Left of the heart and of the aorta is no side of a finding, and neither is what it spares.
_NO_SIDE = re.compile(
    r"(?:left|right) (?:ventric\w+|atri\w+|heart border|subclavian|jugular|ij\b|scapular|handed)"
    r"|sparing [^,;(]*"
)
# "Marked improvement" tells of the change, "more extensive on the left" of the other side.
_NO_SEVERITY = re.compile(
    r"\w+ (?:interval )?(?:improvement|regression|decrease|increase|worsening|progression|change)"
    r"|(?:more|most|less) \w+|small circle|large part"
)
_IS = re.compile(r"(?:^[,:]|^ ?\(|\b(?:is|are|now|appears?|remains?)) (?=((?:\w+ ){0,2}\w+))")


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a finding is.

    Attributes:
        side: `left`, `right`, `both`, or None.
        place: Name of the place, or "".
        severity: Said of this side alone, or None.
    """

    side: str | None = None
    place: str = ""
    severity: str | None = None


def severity_in(words: str) -> str | None:
    """The worst severity that plain words tell, or None."""
    words = _NO_SEVERITY.sub(" ", words)
    told = [name for name in SEVERITIES if _SEVERITY_OF[name].search(words)]
    return told[-1] if told else None


def severity_after(words: str) -> str | None:
    """The severity that is said of a finding behind it: "which is now small"."""
    told = (severity_in(match.group(1)) for match in _IS.finditer(words))
    return next((severity for severity in told if severity), None)


def sites_in(words: str, lexicon: Lexicon) -> list[Site]:
    """The sites in plain words, in order; a place belongs to the side before or behind it."""
    words = _NO_SIDE.sub(" ", words)
    marks = sorted([*_sides(words), *_places(words, lexicon)], key=lambda mark: mark[0])
    sites: list[Site] = []
    cut = 0
    for start, end, kind, name in marks:
        last = sites[-1] if sites else Site()
        if kind == "side" and (not sites or last.side is not None):
            sites.append(Site(side=name, severity=severity_in(words[cut:start])))
        elif kind == "side":
            sites[-1] = Site(side=name, place=last.place, severity=last.severity)
        elif sites and not last.place:
            sites[-1] = Site(side=last.side, place=name, severity=last.severity)
        elif not sites:
            sites.append(Site(place=name))
        cut = end
    return _united(sites)


def _united(sites: list[Site]) -> list[Site]:
    """Left and right of one place and severity as both; "both" swallows its parts."""
    sides = {site.side for site in sites}
    sided = [site for site in sites if site.side in ("left", "right") and site.severity]
    if "both" in sides and len({site.severity for site in sided}) > 1:
        return sided  # "bilateral effusions, large on the left, small on the right"
    alike = len({(site.place, site.severity) for site in sites}) == 1
    if "both" in sides or ({"left", "right"} <= sides and alike):
        place = next((site.place for site in sites if site.place), "")
        return [Site(side="both", place=place)]
    return sites


def _sides(words: str) -> Iterator[tuple[int, int, str, str]]:
    spans: list[tuple[int, int]] = []
    for name, pattern in _SIDE_OF.items():  # "both" first: "left and right" is no left
        for match in pattern.finditer(words):
            if all(match.end() <= a or b <= match.start() for a, b in spans):
                spans.append(match.span())
                yield *match.span(), "side", name


def _places(words: str, lexicon: Lexicon) -> Iterator[tuple[int, int, str, str]]:
    for name, phrases in lexicon.places.items():
        for match in any_of(phrases).finditer(words):
            yield *match.span(), "place", name
