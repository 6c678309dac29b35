"""Phrases: the words beside each finding of a sentence, and the sites they tell."""

import re
from dataclasses import dataclass
from itertools import pairwise

from sequela.conditioning.reports.rules.lexicon import FINDING, SIGN, Hit, Lexicon
from sequela.conditioning.reports.rules.sites import (
    Site,
    severity_after,
    severity_in,
    sites_in,
)

# What parts the words between two findings: those in front belong to the first.
_PART = re.compile(
    r",|;|:|\(| (?:and|or|with|without|but|versus|likely|due to|consistent with|compatible with|"
    r"suspicious for|in keeping with|represent|representing|suggesting|except for|which) "
)
_BELONGS_TO_FIRST = re.compile(r"^ (?:in|of|at|on|over|along|involving|within|throughout) ")
_STOP = re.compile(r";| but | however | although | whereas | except ")
_LISTED = re.compile(r"^(?:,| and| or|, and|, or) (?:an? |the )?$")
# Heart, virus and hernia have no side: what stands beside them is said of something else.
_SIDELESS = {"Cardiomegaly", "COVID-19", "Hernia"}


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """One hit of the lexicon with its words.

    Attributes:
        hit: The hit.
        before: Words in front that belong to it.
        own: Its own words.
        after: Words behind that belong to it.
    """

    hit: Hit
    before: str
    own: str
    after: str

    @property
    def severity(self) -> str | None:
        """How bad, or None."""
        return severity_in(f"{self.before} {self.own}") or severity_after(self.after)

    def sites(self, lexicon: Lexicon) -> list[Site]:
        """Where; [] where nothing is said or nothing can be."""
        if self.hit.name in _SIDELESS:
            return []
        return sites_in(f"{self.before} {self.own} {self.after}", lexicon)


def phrases(sentence: str, hits: list[Hit]) -> list[Phrase]:
    """Each hit with the words that belong to it."""
    gaps = [sentence[a.end : b.start] for a, b in pairwise(hits)]
    parted = [_parted(gap) for gap in gaps]
    firsts = [sentence[: hits[0].start]] if hits else []
    lasts = [_STOP.split(sentence[hits[-1].end :])[0]] if hits else []
    in_front = firsts + [second for _, second in parted]
    afters = [first for first, _ in parted] + lasts
    return [
        Phrase(hit=hit, before=before, own=sentence[hit.start : hit.end], after=after)
        for hit, before, after in zip(hits, in_front, afters, strict=True)
    ]


def placed(sentence: str, found: list[Phrase], lexicon: Lexicon) -> list[list[Site]]:
    """The sites of each phrase; two findings joined by a bare "and" share what one of them has."""
    sites = [phrase.sites(lexicon) for phrase in found]
    for i in range(len(found) - 1):
        one, other = found[i], found[i + 1]
        gap = sentence[one.hit.end : other.hit.start]
        if not (_LISTED.match(gap) and _sided(one) and _sided(other)):
            continue
        if not sites[i + 1] and gap == " and " and sites_in(one.before, lexicon):
            sites[i + 1] = [Site(side=site.side) for site in sites[i] if site.side][:1]
        elif (
            not sites[i] and sites_in(other.after, lexicon) and not sites_in(other.before, lexicon)
        ):
            sites[i] = sites[i + 1]
    return sites


def _sided(phrase: Phrase) -> bool:
    return phrase.hit.kind in (FINDING, SIGN) and phrase.hit.name not in _SIDELESS


def _parted(gap: str) -> tuple[str, str]:
    """The text between two hits, as what belongs to the first and what to the second."""
    parts = list(_PART.finditer(gap))
    if parts:
        stop = _STOP.split(gap[: parts[-1].start()])[0]
        return stop, gap[parts[-1].end() :]
    return (gap, "") if _BELONGS_TO_FIRST.match(gap) else ("", gap)
