"""Scope: which cue reaches which phrase of a sentence, and what it says of it."""

import re
from dataclasses import dataclass

from sequela.conditioning.reports.rules import cues
from sequela.conditioning.reports.rules.lexicon import Hit

PRESENT, POSSIBLE, ABSENT = "present", "possible", "absent"
IGNORED = "ignored"  # of another time or person, or only looked for


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the cues around a phrase say of it.

    Attributes:
        certainty: `present`, `possible`, `absent` or `ignored`.
        firm: False where a negation leaves room for the finding, as "no new" and "no large" do.
    """

    certainty: str = PRESENT
    firm: bool = True


@dataclass(frozen=True, kw_only=True)
class _Cue:
    """A cue in a sentence: what it says, whether forwards, and where it stands."""

    says: Verdict
    forward: bool
    start: int
    end: int

    def gap(self, sentence: str, hit: Hit) -> str | None:
        """The text between cue and phrase, or None if the phrase lies on the other side."""
        if self.forward and self.end <= hit.start:
            return sentence[self.end : hit.start]
        if not self.forward and hit.end <= self.start:
            return sentence[hit.end : self.start]
        return None

    def reaches(self, sentence: str, hit: Hit) -> bool:
        """Whether no word between cue and phrase ends the scope."""
        gap = self.gap(sentence, hit)
        end = cues.END_FORWARD if self.forward else cues.END_BACKWARD
        # The end of a list shows behind the phrase only: "no effusion, mild edema or ..."
        window = sentence[self.end :] if self.forward else sentence[hit.end : self.start]
        return gap is not None and not any(m.end() <= len(gap) for m in end.finditer(window))


_TABLE: tuple[tuple[Verdict, bool, re.Pattern[str]], ...] = (
    (Verdict(certainty=POSSIBLE), False, cues.MAYBE_AFTER),
    (Verdict(certainty=ABSENT), False, cues.NO_AFTER),
    (Verdict(certainty=POSSIBLE), True, cues.MAYBE_BEFORE),
    (Verdict(certainty=POSSIBLE), True, cues.MARKED_BEFORE),
    (Verdict(certainty=POSSIBLE), False, cues.MARKED_AFTER),
    (Verdict(certainty=ABSENT, firm=False), True, cues.WEAK_NO_BEFORE),
    (Verdict(certainty=ABSENT), True, cues.NO_BEFORE),
    (Verdict(certainty=IGNORED), True, cues.PAST_BEFORE),
)


def verdict(sentence: str, hit: Hit) -> Verdict:
    """What a plain sentence says of one phrase in it: the nearest cue that reaches it decides."""
    reaching = [cue for cue in _cues(sentence) if cue.reaches(sentence, hit)]
    if not reaching:
        return Verdict(certainty=hit.certainty)
    past = [cue for cue in reaching if cue.says.certainty == IGNORED]
    nearest = min(past or reaching, key=lambda cue: len(cue.gap(sentence, hit) or ""))
    denials = [c for c in reaching if c.says.certainty == ABSENT and c.forward]
    if denials and cues.DENIABLE.match(sentence, nearest.start):
        nearest = denials[-1]
    excepted = cues.EXCEPT.search(sentence, hit.end) is not None
    says = nearest.says
    return Verdict(certainty=says.certainty, firm=says.firm and not excepted)


def _cues(sentence: str) -> list[_Cue]:
    """The cues of a sentence; of overlapping ones the longest, and none under a shield."""
    taken = [match.span() for match in cues.SHIELDS.finditer(sentence)]
    found = [
        _Cue(says=says, forward=forward, start=match.start(), end=match.end())
        for says, forward, pattern in _TABLE
        for match in pattern.finditer(sentence)
    ]
    kept = []
    for cue in sorted(found, key=lambda cue: cue.start - cue.end):
        span = (cue.start, cue.end)
        if all(span == other or span[1] <= other[0] or other[1] <= span[0] for other in taken):
            kept.append(cue)
            taken.append(span)
    return kept
