"""Mentions: every phrase of a report that names a finding, with what is said of it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from sequela.conditioning.reports.rules.lexicon import FINDING, Hit, Lexicon
from sequela.conditioning.reports.rules.phrases import phrases, placed
from sequela.conditioning.reports.rules.scope import POSSIBLE, PRESENT, Verdict, verdict
from sequela.conditioning.reports.rules.sites import Site
from sequela.conditioning.reports.rules.text import Sentence

_EITHER = re.compile(r"^,? or (?:\w+ ){0,3}$")
_EYE = re.compile(r"^(left|right|both) (?:eyes?|fund\w+|retinas?)\s*(?::|-|$)")


@dataclass(frozen=True, kw_only=True)
class Mention:
    """One finding, device, sign or remark in one sentence.

    Attributes:
        hit: The phrase.
        verdict: What the words around it make of it.
        site: Where.
        severity: How bad, or None.
        sentence: In which sentence, counted from 0.
        words: That sentence, as the report has it.
    """

    hit: Hit
    verdict: Verdict
    site: Site
    severity: str | None
    sentence: int
    words: str

    @property
    def certainty(self) -> str:
        """`present`, `possible`, `absent` or `ignored`."""
        return self.verdict.certainty


def mentions(sentences: Sequence[Sentence], lexicon: Lexicon) -> list[Mention]:
    """Everything the lexicon finds in the sentences, in order."""
    found: list[Mention] = []
    eye = Site(side=_only_eye(sentences) if lexicon.domain == "fundus" else None)
    for index, sentence in enumerate(sentences):
        # "Right eye:" holds until the next heading of an eye
        heading = _EYE.match(sentence.plain) if lexicon.domain == "fundus" else None
        eye = Site(side=heading.group(1)) if heading else eye
        for mention in _in_sentence(sentence, index, lexicon):
            known = mention.site.side is not None or eye.side is None
            site = mention.site if known else replace(mention.site, side=eye.side)
            found.append(replace(mention, site=site))
    return found


def _only_eye(sentences: Sequence[Sentence]) -> str | None:
    """The eye of a report that names but one."""
    named = {
        side for s in sentences for side in re.findall(r"\b(left|right|both) eyes?\b", s.plain)
    }
    return named.pop() if len(named) == 1 else None


def _in_sentence(sentence: Sentence, index: int, lexicon: Lexicon) -> Iterator[Mention]:
    hits = lexicon.hits(sentence.plain)
    found = phrases(sentence.plain, hits)
    verdicts = _verdicts(sentence.plain, hits)
    sites = placed(sentence.plain, found, lexicon)
    for phrase, says, where in zip(found, verdicts, sites, strict=True):
        for site in where or [Site()]:
            several = len(where) > 1
            yield Mention(
                hit=phrase.hit,
                verdict=says,
                site=site,
                severity=site.severity or phrase.severity if several else phrase.severity,
                sentence=index,
                words=sentence.words,
            )


def _verdicts(sentence: str, hits: list[Hit]) -> list[Verdict]:
    """What is said of each hit; "atelectasis or pneumonia" makes both possible."""
    verdicts = [verdict(sentence, hit) for hit in hits]
    for i, (one, other) in enumerate(pairwise(hits)):
        both = [v.certainty for v in verdicts[i : i + 2]] == [PRESENT, PRESENT]
        named = one.kind == other.kind == FINDING
        if both and named and _EITHER.match(sentence[one.end : other.start]):
            verdicts[i] = verdicts[i + 1] = Verdict(certainty=POSSIBLE)
    return verdicts
