"""Vocabulary: the findings of a domain, their synonyms, and the prompt form models are trained on.

Source of the prompt form: Liang et al., "PIE", arXiv:2309.11745, and its published data loaders:
the instance prompt, a comma, and the labels joined by commas without blanks.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from sequela.core import Finding, Region, UnknownNameError
from sequela.core.checks import unknown_name


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Findings of one domain.

    Attributes:
        domain: `chest`, `fundus` or `skin`.
        title: What its images are called in a sentence.
        instance_prompt: What every image of the domain is called in a prompt.
        reference: The label of an image without the disease; edits are steered away from it.
        findings: Canonical names, without the reference.
        synonyms: Other spellings, lower case, to canonical names.
        further: Names that data sets label and captions hold, but that cannot be asked for: no
            bundled model knows them, and reports are not read for them.
        silent: Whether published captions of images without a finding leave the reference out.
        sorted_as: Names that published captions sort under another one.
    """

    domain: str
    title: str
    instance_prompt: str
    reference: str
    findings: tuple[str, ...]
    synonyms: dict[str, str]
    further: tuple[str, ...] = ()
    silent: bool = False
    sorted_as: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that can be asked for, the reference first."""
        return (self.reference, *self.findings)

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that a prompt may hold."""
        text = " ".join([self.instance_prompt, *self.names])
        return tuple(text.replace("-", " ").split())

    def prompt(self, names: Iterable[str]) -> str:
        """The text an image with these findings was trained under."""
        return f"{self.instance_prompt},{','.join(sorted(names))}"

    def caption(self, findings: Iterable[str]) -> str:
        """The published training text of an image with these findings, letter by letter."""
        ordered = sorted(findings, key=lambda name: self.sorted_as.get(name, name))
        if not ordered and not self.silent:
            ordered = [self.reference]
        return f"{self.instance_prompt},{','.join(ordered)}"

    def canonical(self, name: str) -> str:
        """The finding meant by `name`; near misses are suggested, never guessed."""
        wanted = " ".join(name.replace("_", " ").replace("-", " ").lower().split())
        known = {_plain(n): n for n in self.names} | {
            _plain(other): finding for other, finding in self.synonyms.items()
        }
        if wanted in known:
            return known[wanted]
        close = difflib.get_close_matches(wanted, known, n=1, cutoff=0.6)
        if close:
            raise UnknownNameError(
                f"`finding` {name!r} is not known for {self.domain} images. "
                f"Did you mean {known[close[0]]!r}? "
                f"Known: {', '.join([*self.findings, self.reference])}."
            )
        raise UnknownNameError(unknown_name("finding", name, self.names))

    def are_ill(self, findings: Iterable[Finding]) -> bool:
        """Whether all are findings in this vocabulary's own words, and none is the reference."""
        return all(f.name in self.findings and f.text == self.prompt([f.name]) for f in findings)

    def finding(self, name: str, *, weight: float = 1.0, region: Region | None = None) -> Finding:
        """The finding of that name with its prompt."""
        label = self.canonical(name)
        return Finding(name=label, text=self.prompt([label]), weight=weight, region=region)


def _plain(name: str) -> str:
    return name.replace("-", " ").lower()
