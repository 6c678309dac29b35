"""Replay: make a recorded run again from nothing but its own folder and the model."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from sequela.core import CheckpointError, Trajectory
from sequela.diffusion import Backbone
from sequela.simulators.editing.config import ProgressiveEditing
from sequela.simulators.editing.editor import Progress, ProgressiveEditor


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How a replayed run differs from the recorded one.

    Attributes:
        largest: Largest absolute difference of any state, in stored units.
        share: Share of pixels that differ at all, over all states.
    """

    largest: float
    share: float


def editor_of(trajectory: Trajectory, backbone: Backbone) -> ProgressiveEditor:
    """The editor that made a run, on a model that must be the same.

    Raises:
        CheckpointError: The model's weights are not those of the record.
    """
    recorded = trajectory.record.model.get("sha256")
    if recorded != backbone.card.get("sha256"):
        raise CheckpointError(
            f"`model` must be the recorded one ({trajectory.record.model.get('name')}, sha256 "
            f"{str(recorded)[:12]}), got {backbone.name} "
            f"({str(backbone.card.get('sha256'))[:12]}). "
            "Name the right folder with --model."
        )
    known = {f.name for f in fields(ProgressiveEditing)}
    config: dict[str, Any] = dict(trajectory.record.config)
    settings = ProgressiveEditing(**{k: v for k, v in config.items() if k in known})
    return ProgressiveEditor(backbone=backbone, settings=settings, size=int(config["size"]))


def replay(
    trajectory: Trajectory, editor: ProgressiveEditor, *, progress: Progress | None = None
) -> Trajectory:
    """The recorded run, simulated anew: samples, branches and all."""
    request = trajectory.record.request
    again = editor.simulate(
        trajectory.scan,
        condition=trajectory.main.condition,
        region=trajectory.regions.get("requested"),
        protect=trajectory.regions.get("protected"),
        seed=trajectory.record.seed,
        samples=int(request["samples"]),
        until_change=request["until_change"],
        progress=progress,
    )
    horizon = trajectory.states[-1].time_years
    if trajectory.main.time_basis == "asserted" and horizon is not None:
        again = again.with_asserted_horizon(horizon)
    for child, asked in zip(
        (b for b in trajectory.branches if b.parent is not None),
        request.get("branches", ()),
        strict=True,
    ):
        again = editor.with_steps(asked["num_steps"]).branch(
            again,
            from_state=int(asked["from_state"]),
            condition=child.condition,
            region=trajectory.regions.get(f"requested-{child.id}"),
            progress=progress,
        )
    return again


def compare(first: Trajectory, second: Trajectory) -> Difference:
    """The largest difference between two runs of the same request, state by state."""
    largest, differing, pixels = 0.0, 0, 0
    for one in first.branches:
        other = second.branch(one.id)
        for a, b in zip(one.states, other.states, strict=True):
            gap = np.abs(a.image.astype(np.float64) - b.image.astype(np.float64))
            largest = max(largest, float(gap.max()))
            differing += int((gap > 0).sum())
            pixels += gap.size
    return Difference(largest=largest, share=differing / pixels)
