"""Rule: a kind of identifier and a pattern whose group `gone` is removed.

No pattern lets `gone` hold a bracket, so that `[name]` and its like, once written, stay.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """What to remove, and what to call it."""

    kind: str
    pattern: re.Pattern[str]


def rules(kind: str, *patterns: str) -> tuple[Rule, ...]:
    """Rules for one kind, in any case of letters but where a pattern says `(?-i:`."""
    return tuple(Rule(kind, re.compile(p, re.IGNORECASE | re.MULTILINE)) for p in patterns)
