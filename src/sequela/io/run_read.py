"""A run folder back to the trajectory that was written, without loss; its video stays on disk."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np

from sequela.core import (
    SCHEMA_VERSION,
    Branch,
    Condition,
    Finding,
    InvalidInputError,
    Record,
    Region,
    Scan,
    SequelaError,
    Source,
    State,
    Trajectory,
    UnreadableFileError,
    Window,
)
from sequela.core.trajectory import StateRole
from sequela.io.arrays import read_array
from sequela.io.dicom_header import header_from_json
from sequela.io.files import read_bytes
from sequela.io.regions import read_region_levels

_FAULTS = (LookupError, TypeError, ValueError, AttributeError)


def read_run(folder: str | Path) -> Trajectory:
    """The trajectory in a run folder, equal to what was written; `video` is None.

    Raises:
        UnreadableFileError: the folder is no run folder, or a file in it is missing or damaged.
        InvalidInputError: it was written by another version of Sequela.
    """
    folder = Path(folder)
    for name in ("record.json", "trajectory.json"):
        if not (folder / name).is_file():
            raise UnreadableFileError(
                f"`run` must be a folder that Sequela wrote, but {folder.name} has no {name}. "
                "Name the folder given to --out."
            )
    record = _record(_json(folder / "record.json"))
    content = _json(folder / "trajectory.json")
    if content.get("schema") != SCHEMA_VERSION:
        raise InvalidInputError(
            f"`schema` must be {SCHEMA_VERSION}, got {content.get('schema')!r} in trajectory.json. "
            "The run was written by another version of Sequela."
        )
    try:
        return _trajectory(_Library(folder), content, record)
    except SequelaError:
        raise
    except _FAULTS as error:
        raise _damaged("trajectory.json", f"{type(error).__name__} {error}") from error


class _Library:
    """Opens the files that `trajectory.json` names, and none outside the run folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def array(self, name: str) -> np.ndarray:
        return read_array(self._inside(name))

    def region(self, entry: Mapping[str, str]) -> Region:
        return read_region_levels(self._inside(entry["file"]), entry["origin"])

    def latents(self, name: str | None) -> dict[str, np.ndarray]:
        if name is None:
            return {}
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            return dict(load(read_bytes(self._inside(name))))
        except SafetensorError as error:
            raise _damaged(name, str(error)) from error

    def _inside(self, name: str) -> Path:
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder):
            raise _damaged("trajectory.json", f"it names {name}, outside the folder")
        return path


def _record(values: Mapping[str, Any]) -> Record:
    try:
        return Record.from_json(values)
    except SequelaError:
        raise
    except _FAULTS as error:
        raise _damaged("record.json", f"{type(error).__name__} {error}") from error


def _trajectory(library: _Library, content: Mapping[str, Any], record: Record) -> Trajectory:
    latents = library.latents(content["latents"])
    return Trajectory(
        scan=_scan(library, content["scan"]),
        branches=tuple(
            _branch(library, entry, latents.get(entry["id"])) for entry in content["branches"]
        ),
        record=record,
        regions={key: library.region(entry) for key, entry in content["regions"].items()},
        uncertainty={key: library.array(name) for key, name in content["uncertainty"].items()},
    )


def _scan(library: _Library, entry: Mapping[str, Any]) -> Scan:
    spacing, affine, header = entry["spacing_mm"], entry["affine"], entry["dicom_header"]
    return Scan(
        array=library.array(entry["image"]),
        modality=entry["modality"],
        window=Window(**entry["window"]),
        source=Source(**entry["source"]),
        spacing_mm=None if spacing is None else tuple(spacing),
        affine=None if affine is None else np.array(affine),
        header=None if header is None else header_from_json(header),
    )


def _branch(library: _Library, entry: Mapping[str, Any], latents: np.ndarray | None) -> Branch:
    plain = ("id", "parent", "from_state", "sample", "arm", "region", "time_basis")
    states = tuple(_state(library, state) for state in entry["states"])
    condition = _condition(library, entry["condition"])
    named = {key: entry[key] for key in plain}
    return Branch(states=states, condition=condition, latents=latents, **named)


def _state(library: _Library, entry: Mapping[str, Any]) -> State:
    roles: tuple[StateRole, ...] = get_args(StateRole)
    role: StateRole = next(
        (role for role in roles if role in entry), "image"
    )  # else the key is missing
    return State(
        image=library.array(entry[role]),
        kind=entry["kind"],
        step=entry["step"],
        time_years=entry["time_years"],
        scores={key: float(value) for key, value in entry["scores"].items()},
        role=role,
        layers={key: library.array(name) for key, name in entry.get("layers", {}).items()},
    )


def _condition(library: _Library, entry: Mapping[str, Any]) -> Condition:
    findings = tuple(
        Finding(
            name=finding["name"],
            text=finding["text"],
            weight=finding["weight"],
            region=None if finding["region"] is None else library.region(finding["region"]),
        )
        for finding in entry["findings"]
    )
    return Condition(findings=findings, negative_prompt=entry["negative_prompt"])


def _json(path: Path) -> Mapping[str, Any]:
    try:
        values = json.loads(read_bytes(path))
    except ValueError as error:  # broken syntax, or bytes that are no UTF-8
        if isinstance(error, SequelaError):
            raise
        raise _damaged(path.name, str(error)) from error
    if not isinstance(values, dict):
        raise _damaged(path.name, "it holds no JSON object")
    return values


def _damaged(name: str, problem: str) -> UnreadableFileError:
    return UnreadableFileError(
        f"`run` must be complete, but its {name} is damaged ({problem}). "
        "Restore the folder, or simulate again with `sequela replay`."
    )
