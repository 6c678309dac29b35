"""Record: everything that is needed to replay a run, as plain JSON values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sequela.core.errors import InvalidInputError

SCHEMA_VERSION = 1
DISCLAIMER = "Synthetic, for research and education. Not for the care of a real patient."


@dataclass(frozen=True, kw_only=True)
class Record:
    """Method, settings, seeds, hashes and versions of one run.

    Attributes:
        method: Name of the simulator, e.g. `progressive-editing`.
        config: The simulator's config, as JSON values.
        request: What was asked: findings, prompts, samples, transition, resolution.
        seed: The one number all noise is drawn from.
        threads: CPU threads; the same count replays bit for bit on the same machine.
        device: Where it ran.
        model: Name, sha256 of the weights, licence, source.
        inputs: Name, role and sha256 of each input file.
        versions: Of sequela, python, torch, diffusers, numpy.
        notices: Everything that was decided silently otherwise (resampled mask, truncated prompt).
        created: UTC time, ISO 8601.
        schema: Version of the run-folder contract.
    """

    method: str
    config: Mapping[str, Any]
    request: Mapping[str, Any]
    seed: int
    threads: int
    device: str
    model: Mapping[str, Any]
    inputs: tuple[Mapping[str, Any], ...]
    versions: Mapping[str, str]
    created: str
    notices: tuple[str, ...] = ()
    disclaimer: str = DISCLAIMER
    schema: int = field(default=SCHEMA_VERSION)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Record":
        """Read back; an unknown key or a newer schema is refused."""
        if values.get("schema") != SCHEMA_VERSION:
            raise InvalidInputError(
                f"`schema` must be {SCHEMA_VERSION}, got {values.get('schema')!r}. "
                "The run was written by another version of Sequela."
            )
        surplus = set(values) - set(cls.__dataclass_fields__)
        missing = set(cls.__dataclass_fields__) - set(values)
        if surplus or missing:
            raise InvalidInputError(
                f"`record` must hold exactly its fields; surplus {sorted(surplus)}, "
                f"missing {sorted(missing)}. The file was edited or damaged."
            )
        lists = {"inputs": tuple(values["inputs"]), "notices": tuple(values["notices"])}
        return cls(**{**values, **lists})
