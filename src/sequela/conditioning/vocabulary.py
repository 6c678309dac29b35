"""The words of a domain: its findings, their synonyms, and the prompt form models are trained on.

Source of the prompt form: Liang et al., "PIE", arXiv:2309.11745, and its published data loaders:
the instance prompt, a comma, and the labels joined by commas without blanks.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from sequela.core import Finding, Region, UnknownNameError
from sequela.core.checks import unknown_name

NO_FINDING = "No Finding"


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """Findings of one domain.

    Attributes:
        domain: `chest`.
        instance_prompt: What every image of the domain is called.
        findings: Canonical names.
        synonyms: Other spellings, lower case, to canonical names.
    """

    domain: str
    instance_prompt: str
    findings: tuple[str, ...]
    synonyms: dict[str, str]

    def prompt(self, names: Iterable[str]) -> str:
        """The text an image with these findings was trained under."""
        return f"{self.instance_prompt},{','.join(sorted(names))}"

    def canonical(self, name: str) -> str:
        """The finding meant by `name`; near misses are suggested, never guessed."""
        wanted = " ".join(name.replace("_", " ").replace("-", " ").lower().split())
        known = {_plain(n): n for n in (*self.findings, NO_FINDING)} | {
            _plain(other): finding for other, finding in self.synonyms.items()
        }
        if wanted in known:
            return known[wanted]
        close = difflib.get_close_matches(wanted, known, n=1, cutoff=0.6)
        if close:
            raise UnknownNameError(
                f"`finding` {name!r} is not known for {self.domain} images. "
                f"Did you mean {known[close[0]]!r}? "
                f"Known: {', '.join(self.findings)}, {NO_FINDING}."
            )
        raise UnknownNameError(unknown_name("finding", name, (*self.findings, NO_FINDING)))

    def are_ill(self, findings: Iterable[Finding]) -> bool:
        """Whether all are findings in this vocabulary's own words, and none is "no finding"."""
        return all(f.name in self.findings and f.text == self.prompt([f.name]) for f in findings)

    def finding(self, name: str, *, weight: float = 1.0, region: Region | None = None) -> Finding:
        """The finding of that name with its prompt."""
        label = self.canonical(name)
        return Finding(name=label, text=self.prompt([label]), weight=weight, region=region)


def _plain(name: str) -> str:
    return name.replace("-", " ").lower()


CHEST = Vocabulary(
    domain="chest",
    instance_prompt="A chest X-ray image",
    findings=(
        "Atelectasis",
        "COVID-19",
        "Cardiomegaly",
        "Consolidation",
        "Edema",
        "Effusion",
        "Emphysema",
        "Fibrosis",
        "Hernia",
        "Infiltration",
        "Mass",
        "Nodule",
        "Pleural Thickening",
        "Pneumonia",
        "Pneumothorax",
    ),
    synonyms={
        "pleural effusion": "Effusion",
        "enlarged heart": "Cardiomegaly",
        "pulmonary edema": "Edema",
        "pulmonary oedema": "Edema",
        "oedema": "Edema",
        "collapse": "Atelectasis",
        "infiltrate": "Infiltration",
        "opacity": "Infiltration",
        "covid": "COVID-19",
        "pulmonary fibrosis": "Fibrosis",
        "normal": NO_FINDING,
        "healthy": NO_FINDING,
    },
)
