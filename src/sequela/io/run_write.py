"""The data part of a run folder: states, regions, spread, latents, scores, record, trajectory.

`trajectory.json` names every other file; `sequela.io.run_read` gives the same trajectory back.
"""

import csv
import io
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sequela.core import (
    DISCLAIMER,
    SCHEMA_VERSION,
    Branch,
    Condition,
    InvalidInputError,
    Region,
    Scan,
    State,
    Trajectory,
)
from sequela.io.arrays import write_array
from sequela.io.dicom_header import header_to_json
from sequela.io.files import write_bytes
from sequela.io.regions import region_levels

LATENTS = "latents.safetensors"


def write_states(trajectory: Trajectory, folder: str | Path) -> None:
    """Write a trajectory's data into an existing folder; the video is `render`'s.

    Raises:
        InvalidInputError: two states of a branch share a step, or a region is not on the grid of
            1/65535 that `imaging.quantise` puts it on.
        OutputError: the disk is full or the folder read-only.
    """
    folder = Path(folder)
    shelf = _Shelf(folder, trajectory.scan)
    branches = [_branch(branch, i, shelf) for i, branch in enumerate(trajectory.branches)]
    content = {
        "schema": SCHEMA_VERSION,
        "disclaimer": DISCLAIMER,
        "scan": _scan(trajectory, branches[0]["states"][:1], shelf),
        "branches": branches,
        "regions": {key: shelf.region(region, key) for key, region in trajectory.regions.items()},
        "uncertainty": {
            key: shelf.array(f"uncertainty/{slug(key)}", values)
            for key, values in trajectory.uncertainty.items()
        },
        "latents": _write_latents(trajectory, folder),
    }
    write_bytes(folder / "scores.csv", _scores_csv(trajectory).encode())
    write_bytes(folder / "record.json", _json(trajectory.record.to_json()))
    write_bytes(folder / "trajectory.json", _json(content))


def slug(name: str) -> str:
    """A name as a safe file name: letters, digits, dots, hyphens."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.").lower() or "unnamed"


class _Shelf:
    """Puts arrays into the run folder, under names that nobody has taken."""

    def __init__(self, folder: Path, scan: Scan) -> None:
        self.folder = folder
        self.affine = scan.affine
        self._taken: set[str] = set()
        self._regions: list[tuple[Region, str]] = []

    def array(self, place: str, array: np.ndarray, *, observed: bool = False) -> str:
        """Write an array; returns its file name relative to the run folder."""
        free = place
        while free in self._taken:
            free += "_"
        self._taken.add(free)
        file = write_array(self.folder / free, array, observed=observed, affine=self.affine)
        return file.relative_to(self.folder).as_posix()

    def region(self, region: Region, key: str) -> dict[str, str]:
        """Write a region, once, however often it is used."""
        for known, file in self._regions:
            if np.array_equal(known.array, region.array):
                return {"file": file, "origin": region.origin}
        file = self.array(f"regions/{slug(key)}", region_levels(region))
        self._regions.append((region, file))
        return {"file": file, "origin": region.origin}


def _scan(trajectory: Trajectory, first: list[dict[str, Any]], shelf: _Shelf) -> dict[str, Any]:
    scan, state = trajectory.scan, trajectory.states[:1]
    # the first state usually is the scan itself, and is then not written twice
    shared = state and state[0].kind == "observed" and _same(state[0].image, scan.array)
    file = first[0][state[0].role] if shared else shelf.array("baseline", scan.array, observed=True)
    return {
        "image": file,
        "modality": scan.modality,
        "window": {
            "low": scan.window.low,
            "high": scan.window.high,
            "origin": scan.window.origin,
        },
        "source": {"name": scan.source.name, "sha256": scan.source.sha256},
        "spacing_mm": None if scan.spacing_mm is None else list(scan.spacing_mm),
        "affine": None if scan.affine is None else scan.affine.tolist(),
        "dicom_header": None if scan.header is None else header_to_json(scan.header),
    }


def _same(first: np.ndarray, second: np.ndarray) -> bool:
    return first.dtype == second.dtype and np.array_equal(first, second)


def _branch(branch: Branch, index: int, shelf: _Shelf) -> dict[str, Any]:
    steps = [state.step for state in branch.states]
    if len(set(steps)) != len(steps):
        raise InvalidInputError(
            f"`states` of a branch must have distinct steps, but {branch.id} has {steps}. "
            "Number them in order."
        )
    place = "states" if index == 0 else f"branches/{slug(branch.id)}/states"
    states = [_state(state, place, shelf) for state in branch.states]
    return {
        "id": branch.id,
        "parent": branch.parent,
        "from_state": branch.from_state,
        "sample": branch.sample,
        "arm": branch.arm,
        "region": branch.region,
        "time_basis": branch.time_basis,
        "condition": _condition(branch.condition, shelf),
        "states": states,
    }


def _state(state: State, place: str, shelf: _Shelf) -> dict[str, Any]:
    def written(array: np.ndarray, suffix: str = "") -> str:
        name = f"{place}/{state.step:03d}{suffix}"
        return shelf.array(name, array, observed=state.kind == "observed")

    entry = {
        "step": state.step,
        "kind": state.kind,
        "time_years": state.time_years,
        state.role: written(state.image),
        "scores": {key: _number(value) for key, value in state.scores.items()},
    }
    if state.layers:
        entry["layers"] = {k: written(v, f"-{slug(k)}") for k, v in state.layers.items()}
    return entry


def _condition(condition: Condition, shelf: _Shelf) -> dict[str, Any]:
    findings = [
        {
            "name": finding.name,
            "text": finding.text,
            "weight": finding.weight,
            "region": None
            if finding.region is None
            else shelf.region(finding.region, f"finding-{finding.name}"),
        }
        for finding in condition.findings
    ]
    return {"findings": findings, "negative_prompt": condition.negative_prompt}


def _write_latents(trajectory: Trajectory, folder: Path) -> str | None:
    """One tensor a branch, in one file; None when no branch has latents."""
    tensors = {
        branch.id: np.ascontiguousarray(branch.latents)
        for branch in trajectory.branches
        if branch.latents is not None
    }
    if not tensors:
        return None
    from safetensors.numpy import save

    write_bytes(folder / LATENTS, save(tensors, metadata={"Synthetic": "YES"}))
    return LATENTS


def _number(value: float) -> float | str:
    """A number for JSON, which has no word for nan and infinity."""
    return float(value) if math.isfinite(value) else str(float(value))


def _scores_csv(trajectory: Trajectory) -> str:
    rows = [(branch, state) for branch in trajectory.branches for state in branch.states]
    names = sorted({name for _, state in rows for name in state.scores})
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["branch", "step", "time_years", "kind", *names])
    for branch, state in rows:
        scores = [state.scores.get(name, "") for name in names]
        table.writerow([branch.id, state.step, state.time_years, state.kind, *scores])
    return text.getvalue()


def _json(values: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(values, indent=1, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"`record` and `trajectory` must hold plain JSON values: {error}. "
            "Convert arrays and tensors to numbers first."
        ) from error
    return (text + "\n").encode()
