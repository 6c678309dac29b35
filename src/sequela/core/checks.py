"""Checks of arguments: each raises one sentence with argument, rule, value and remedy."""

import difflib
import math
from collections.abc import Iterable

from sequela.core.errors import InvalidInputError, UnknownNameError


def check_positive(name: str, value: float, *, hint: str = "") -> None:
    """Refuse anything but a finite number above 0."""
    if not (_is_number(value) and math.isfinite(value) and value > 0):
        raise InvalidInputError(_sentence(name, "must be above 0", value, hint))


def check_count(name: str, value: int, *, minimum: int = 1, hint: str = "") -> None:
    """Refuse anything but a whole number of at least `minimum`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        rule = f"must be a whole number of at least {minimum}"
        raise InvalidInputError(_sentence(name, rule, value, hint))


def check_share(name: str, value: float, *, above_zero: bool = False, hint: str = "") -> None:
    """Refuse anything outside [0, 1], or outside (0, 1] with `above_zero`."""
    inside = _is_number(value) and 0 <= value <= 1 and not (above_zero and value == 0)
    if not inside:  # nan fails every comparison, so it lands here too
        rule = f"must lie in {'(0, 1]' if above_zero else '[0, 1]'}"
        raise InvalidInputError(_sentence(name, rule, value, hint))


def check_finite(name: str, value: float, *, minimum: float = -math.inf, hint: str = "") -> None:
    """Refuse nan and infinities, and anything below `minimum`."""
    if not (_is_number(value) and math.isfinite(value) and value >= minimum):
        bound = "" if minimum == -math.inf else f" of at least {minimum:g}"
        raise InvalidInputError(_sentence(name, f"must be a finite number{bound}", value, hint))


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Refuse a word that is not among `choices`; near misses are suggested."""
    known = list(choices)
    if value not in known:
        raise UnknownNameError(unknown_name(name, value, known))


def unknown_name(kind: str, value: str, known: Iterable[str]) -> str:
    """The sentence for a name that nobody has, with the closest names and the whole list."""
    names = sorted(known)
    close = difflib.get_close_matches(value.lower(), [n.lower() for n in names], n=2, cutoff=0.6)
    spelled = [n for n in names if n.lower() in close]
    meant = f" Did you mean {' or '.join(repr(n) for n in spelled)}?" if spelled else ""
    return f"`{kind}` {value!r} is not known.{meant} Known: {', '.join(names) or 'none'}."


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _sentence(name: str, rule: str, value: object, hint: str) -> str:
    return f"`{name}` {rule}, got {value!r}.{' ' + hint if hint else ''}"
