"""Lexicon: the phrases that stand for the findings of one domain, as patterns over plain text.

Plain text is what `text.plain` makes of a report: lower case, American spelling, no hyphens,
abbreviations written out. Where phrases overlap the longest one is meant, so that "pericardial
effusion" can be listed as something else and never be taken for a pleural one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

OTHER = "other"  # a phrase that looks like a finding and is none
NORMAL = "normal"  # a phrase that calls the image, or a part of it, normal
DEVICE = "device"
FINDING = "finding"
SIGN = "sign"  # a phrase from which a finding follows, less surely than from its name

Phrases = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One phrase of the lexicon in a sentence.

    Attributes:
        kind: `finding`, `sign`, `normal`, `device` or `other`.
        name: Canonical name of the finding or device.
        start: Where it begins in the plain sentence.
        end: And where it ends.
        certainty: What the phrase itself says: `present`, `possible` or `absent`.
    """

    kind: str
    name: str
    start: int
    end: int
    certainty: str = "present"

    @property
    def length(self) -> int:
        """Characters of the phrase."""
        return self.end - self.start


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """The phrases of one domain.

    Attributes:
        domain: `chest`, `fundus` or `skin`.
        modality: Words that tell that an image of this domain is meant.
        findings: Canonical name to phrases that name it.
        possible: Phrases that name it and call it possible at once.
        absent: Phrases that say it is not there, such as "heart size is normal".
        signs: Phrases from which it follows.
        normal: Phrases that call the image normal.
        devices: Hardware to phrases.
        other: Phrases that look like a finding and are none.
        places: Where a finding can be, to phrases.
    """

    domain: str
    modality: tuple[str, ...]
    findings: Phrases
    normal: tuple[str, ...]
    places: Phrases
    possible: Phrases = field(default_factory=dict)
    absent: Phrases = field(default_factory=dict)
    signs: Phrases = field(default_factory=dict)
    devices: Phrases = field(default_factory=dict)
    other: tuple[str, ...] = ()

    def hits(self, sentence: str) -> list[Hit]:
        """Every phrase in a plain sentence, in order; of overlapping ones the longest."""
        found = sorted(self._all(sentence), key=lambda hit: (-hit.length, hit.start))
        kept: list[Hit] = []
        for hit in found:
            same = [(k.start, k.end) == (hit.start, hit.end) for k in kept if _overlap(k, hit)]
            if all(same):  # one phrase may stand for two findings: hydropneumothorax
                kept.append(hit)
        return sorted(kept, key=lambda hit: hit.start)

    def _all(self, sentence: str) -> Iterator[Hit]:
        for kind, name, certainty, pattern in self._patterns:
            for match in pattern.finditer(sentence):
                start, end = match.span()
                yield Hit(kind=kind, name=name, start=start, end=end, certainty=certainty)

    @cached_property
    def _patterns(self) -> list[tuple[str, str, str, re.Pattern[str]]]:
        tables = (
            (FINDING, "present", self.findings),
            (FINDING, "possible", self.possible),
            (FINDING, "absent", self.absent),
            (SIGN, "present", self.signs),
            (DEVICE, "present", self.devices),
            (NORMAL, "present", {"": self.normal}),
            (OTHER, "present", {"": self.other}),
        )
        return [
            (kind, name, certainty, any_of(phrases))
            for kind, certainty, table in tables
            for name, phrases in table.items()
            if phrases
        ]


def any_of(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for several phrases, at the borders of words; longer ones first."""
    longest_first = sorted((f"(?:{phrase})" for phrase in phrases), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)")


def _overlap(one: Hit, other: Hit) -> bool:
    return one.start < other.end and other.start < one.end
