"""Finding and Condition: what a simulation is asked to follow."""

from dataclasses import dataclass

from sequela.core.checks import check_finite
from sequela.core.errors import InvalidInputError
from sequela.core.scan import Region


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One disease finding, how strongly it is asked for, and where.

    Attributes:
        name: Its name in the vocabulary of the domain, or a label for a raw prompt.
        text: What the text encoder reads.
        weight: Share of the guidance scale it gets, >= 0; 1 is full.
        region: Where it may appear; None means the whole region of the simulation.
    """

    name: str
    text: str
    weight: float = 1.0
    region: Region | None = None

    def __post_init__(self) -> None:
        check_finite(
            "weight", self.weight, minimum=0, hint="0 ignores the finding, 1 asks in full."
        )


@dataclass(frozen=True, kw_only=True)
class Condition:
    """All findings asked for together, and the text to steer away from."""

    findings: tuple[Finding, ...]
    negative_prompt: str = ""

    def __post_init__(self) -> None:
        if not self.findings:
            raise InvalidInputError(
                "`condition` must hold at least one finding, got none. Name one with --disease, "
                "--finding or --prompt."
            )

    @property
    def label(self) -> str:
        """A short title, such as `Pneumonia + Edema 0.5`."""
        parts = [f.name if f.weight == 1 else f"{f.name} {f.weight:g}" for f in self.findings]
        return " + ".join(parts)
