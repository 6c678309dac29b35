"""Scrub: take out of a report what tells whose it is, before anybody else gets to see it.

Rules only, for reports in English. They look for labels, titles, forms and places of identifiers,
and stop at clinical words, so that no finding is lost. What they cannot find: a name without a
label, title, credential or verb before it ("John has a cough"), a nickname, a rare job or disease
that points to one person, a name that is a clinical word (Dr. Mass), names in another language's
labels, misspelt labels. So this is a help and no de-identification: whoever sends a report looks
at the preview first.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sequela.conditioning.reports.identifiers import RULES


@dataclass(frozen=True, kw_only=True)
class Scrubbed:
    """A report without what was found of its owner.

    Attributes:
        text: With `[name]`, `[date]` and so on in place of what was removed.
        removed: The kinds of what was removed, sorted, never the values.
    """

    text: str
    removed: tuple[str, ...] = ()


def scrub(text: str) -> Scrubbed:
    """The text without names, numbers, dates, ages over 89 and places of care.

    Words of relative time and years stand, and so do clinical words; a second time changes
    nothing.
    """
    kinds: set[str] = set()
    while (cleaner := _once(text, kinds)) != text:
        # What one rule removes may be the border at which another would have matched. Each
        # removal leaves less text outside of brackets, so this ends.
        text = cleaner
    return Scrubbed(text=text, removed=tuple(sorted(kinds)))


def _once(text: str, kinds: set[str]) -> str:
    for rule in RULES:
        text = rule.pattern.sub(_remover(rule.kind, kinds), text)
    return text


def _remover(kind: str, kinds: set[str]) -> Callable[[re.Match[str]], str]:
    """Puts `[kind]` in place of the group `gone`, and notes the kind."""

    def remove(match: re.Match[str]) -> str:
        kinds.add(kind)
        start, end = match.start("gone") - match.start(), match.end("gone") - match.start()
        return f"{match[0][:start]}[{kind}]{match[0][end:]}"

    return remove
