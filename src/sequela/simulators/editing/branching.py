"""Branching: go on from any state of a run under another condition."""

from dataclasses import replace

import torch

from sequela.core import Branch, Condition, InvalidInputError, Region, State, Trajectory
from sequela.simulators.editing.editor import Progress, ProgressiveEditor, collect, truncations


def branch(
    editor: ProgressiveEditor,
    trajectory: Trajectory,
    *,
    from_state: int,
    condition: Condition | str,
    region: Region | None = None,
    progress: Progress | None = None,
) -> Trajectory:
    """The trajectory with one more branch, which leaves the main one at `from_state`.

    The same seed and step numbers draw the same noise: branching with the main branch's own
    condition reproduces it, so whatever differs is due to the condition.

    Args:
        editor: The editor that made the run; its number of steps tells where the branch ends.
        trajectory: A run, fresh or read back.
        from_state: Step of the main branch to go on from.
        condition: What to follow from there on.
        region: Where change is allowed; None keeps the run's own region.
        progress: Called with (step, steps).

    Raises:
        InvalidInputError: `from_state` is no state of the main branch, or its last step.
    """
    main = trajectory.main
    _check(from_state, main, editor.settings.num_steps)
    asked = editor.place(condition, trajectory.scan)
    own = region or trajectory.regions.get("requested")
    case = editor.case(trajectory.scan, own, trajectory.regions.get("protected"))
    guide = editor.guide(case, asked)
    walk = editor.walk(case, guide, seed=trajectory.record.seed, samples=(main.sample,))
    start = None
    if from_state > 0 and main.latents is not None:
        start = torch.from_numpy(main.latents[from_state][None]).to(case.posterior.mean)
    walked = collect(walk, case, start=start, from_state=from_state, progress=progress)[1:, 0]
    name = f"branch-{sum(b.parent is not None for b in trajectory.branches) + 1}"
    key = "effective" if region is None else f"effective-{name}"
    steps = range(from_state + 1, from_state + 1 + len(walked))
    child = Branch(
        id=name,
        states=_timed(case.states(walked, steps, before=main.states[from_state].image), main),
        condition=asked,
        parent=main.id,
        from_state=from_state,
        sample=main.sample,
        region=key,
        time_basis=main.time_basis,
        latents=walked.float().cpu().numpy(),
    )
    regions = {**trajectory.regions, key: case.regions["effective"]}
    if region is not None:
        regions[f"requested-{name}"] = case.regions["requested"]
    record = trajectory.record
    past = record.request.get("branches", [])
    step = {"from_state": from_state, "num_steps": editor.settings.num_steps}
    record = replace(
        record,
        notices=(*record.notices, *truncations(guide.embedding, asked.findings)),
        request={**record.request, "branches": [*past, step]},
    )
    return replace(
        trajectory, branches=(*trajectory.branches, child), record=record, regions=regions
    )


def _timed(states: tuple[State, ...], main: Branch) -> tuple[State, ...]:
    """A step lasts as long on a branch as the user asserted for the main one."""
    last = main.states[-1]
    if last.time_years is None or not last.step:
        return states
    year = last.time_years / last.step
    return tuple(replace(state, time_years=year * state.step) for state in states)


def _check(from_state: int, main: Branch, num_steps: int) -> None:
    last = main.states[-1].step
    if not 0 <= from_state <= last or main.latents is None:
        raise InvalidInputError(
            f"`from_state` must be a state of the main branch, 0 to {last}, got {from_state}."
        )
    if from_state >= num_steps:
        raise InvalidInputError(
            f"`from_state` must lie before the last step {num_steps}, got {from_state}. "
            "Raise --steps to go on from there."
        )
