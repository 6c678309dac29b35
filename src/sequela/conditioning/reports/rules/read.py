"""Read a clinical report by rules: offline, in milliseconds, the same answer every time."""

from dataclasses import replace

from sequela.conditioning.reports.report import Report
from sequela.conditioning.reports.rules.domain import LEXICONS, domain_of
from sequela.conditioning.reports.rules.interpret import findings_of
from sequela.conditioning.reports.rules.language import check_english
from sequela.conditioning.reports.rules.lexicon import DEVICE
from sequela.conditioning.reports.rules.mentions import Mention, mentions
from sequela.conditioning.reports.rules.scope import ABSENT
from sequela.conditioning.reports.rules.spelling import corrected
from sequela.conditioning.reports.rules.text import sentences
from sequela.conditioning.vocabulary import vocabulary_of
from sequela.core import InvalidInputError

_LONGEST = 20_000  # characters; a report is a page or two


def read_report(text: str, *, domain: str | None = None) -> Report:
    """What a clinical report says, in the vocabulary of its domain.

    Choose it where nothing may leave the machine. It knows the phrases of its lexicon and no
    others; a language model reads what is said around the corner.

    Args:
        text: The report, in English; sections on indication, history and technique are skipped.
        domain: `chest`, `fundus` or `skin`; None finds it in the text.

    Returns:
        The findings with certainty, severity, side and place, and the devices.

    Raises:
        InvalidInputError: The report is empty, in another language, about another domain, or
            contradicts itself, or nothing in it was understood.
        UnknownNameError: No such domain.
    """
    if not text.strip():
        raise InvalidInputError(
            "`report` must hold text, got an empty one. Name what to simulate with --finding."
        )
    if len(text) > _LONGEST:
        raise InvalidInputError(
            f"`report` must have at most {_LONGEST} characters, got {len(text)}. "
            "Give one report, not an archive."
        )
    check_english(text)
    found_domain = domain_of(text, domain)
    told = [replace(s, plain=corrected(s.plain)) for s in sentences(text)]
    found = mentions(told, LEXICONS[found_domain])
    findings = findings_of(found, found_domain, text)
    devices = _devices(found)
    if not (findings or devices):
        raise InvalidInputError(
            f"`report` must name a finding of {vocabulary_of(found_domain).title}, but none was "
            f"understood in {' '.join(text.split())[:60]!r}. Name what to simulate with --finding."
        )
    return Report(domain=found_domain, findings=findings, devices=devices, provider="rules")


def _devices(found: list[Mention]) -> tuple[str, ...]:
    """Hardware the report names and does not deny; what history tells of is still in place."""
    named = [m.hit.name for m in found if m.hit.kind == DEVICE and m.certainty != ABSENT]
    return tuple(dict.fromkeys(named))
