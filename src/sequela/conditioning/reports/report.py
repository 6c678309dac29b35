"""Report: what a clinical text says, in the vocabulary of its domain, validated."""

from dataclasses import dataclass

from sequela.conditioning.vocabulary import vocabulary_of
from sequela.core import InvalidInputError
from sequela.core.checks import check_choice

CERTAINTIES = ("present", "possible", "absent")
SEVERITIES = ("mild", "moderate", "severe")
SIDES = ("left", "right", "both")  # of the patient


@dataclass(frozen=True, kw_only=True)
class ReportedFinding:
    """One finding as the report puts it.

    Attributes:
        name: Canonical name in the vocabulary of the report's domain.
        certainty: `present`, `possible` or `absent`.
        severity: `mild`, `moderate`, `severe`, or None where nothing is said.
        side: The patient's `left`, `right` or `both`, or None where nothing is said.
        place: Where, in the report's words, such as `lower lobe`; "" where nothing is said.
        words: The part of the report that says so.
    """

    name: str
    certainty: str = "present"
    severity: str | None = None
    side: str | None = None
    place: str = ""
    words: str = ""

    def __post_init__(self) -> None:
        check_choice("certainty", self.certainty, CERTAINTIES)
        if self.severity is not None:
            check_choice("severity", self.severity, SEVERITIES)
        if self.side is not None:
            check_choice("side", self.side, SIDES)


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report as far as it was understood.

    Attributes:
        domain: `chest`, `fundus` or `skin`.
        findings: Each at most once for a side.
        devices: Hardware the report names, such as `pacemaker`.
        provider: Who read it: `rules`, or the language model's name.
    """

    domain: str
    findings: tuple[ReportedFinding, ...]
    devices: tuple[str, ...] = ()
    provider: str

    def __post_init__(self) -> None:
        names = vocabulary_of(self.domain).names
        for finding in self.findings:
            if finding.name not in names:
                raise InvalidInputError(
                    f"`findings` of a {self.domain} report must be of {', '.join(names)}, got "
                    f"{finding.name!r}."
                )

    @property
    def asked(self) -> tuple[ReportedFinding, ...]:
        """What is present or possible, without the reference."""
        reference = vocabulary_of(self.domain).reference
        return tuple(f for f in self.findings if f.certainty != "absent" and f.name != reference)

    @property
    def prompt(self) -> str:
        """The short report in the training format."""
        vocabulary = vocabulary_of(self.domain)
        names = {finding.name for finding in self.asked} or {vocabulary.reference}
        return vocabulary.prompt(names)
