"""The bundled patient: scans drawn from the synthetic cohort, and the truth behind them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import numpy as np

from sequela.cohorts.synthetic.lungs import LungPatient, draw_patient
from sequela.core import Branch, Condition, Finding, State, Trajectory
from sequela.simulators.lungs.extrapolate import TRUTH
from sequela.simulators.lungs.moments import scores_of
from sequela.simulators.lungs.prepare import PreparedScans, as_stored

NAME = "example"


@dataclass(frozen=True, kw_only=True, eq=False)
class ExamplePatient:
    """Files of a drawn patient, with the seed that draws the same one again.

    Attributes:
        paths: NIfTI files, the baseline first.
        days: Of each, after the first.
        seed: Of the cohort.
        start: Day of the baseline, made up.
    """

    paths: tuple[Path, ...]
    days: tuple[float, ...]
    seed: int
    start: str

    @cached_property
    def patient(self) -> LungPatient:
        """Who can tell the truth at any date."""
        return draw_patient(self.seed)


def example_patient() -> ExamplePatient:
    """The patient that travels with the package; no image of a person went into it."""
    folder = Path(str(files("sequela"))) / "assets" / "examples" / "lungs"
    told = json.loads((folder / "patient.json").read_text(encoding="utf-8"))
    return ExamplePatient(
        paths=tuple(folder / name for name in told["scans"]),
        days=tuple(float(day) for day in told["days"]),
        seed=int(told["seed"]),
        start=str(told["start"]),
    )


def with_truth(trajectory: Trajectory, prepared: PreparedScans, patient: LungPatient) -> Trajectory:
    """The run with a further branch: what the drawn patient truly became at the same times."""
    lungs, first = prepared.lungs, prepared.baseline.array
    states = tuple(
        State(
            image=np.where(lungs, as_stored(patient.truth(when), first.dtype), first),
            kind="simulated",
            step=state.step,
            time_years=when,
        )
        for state, when in zip(trajectory.states, _times(trajectory.states), strict=True)
    )
    states = tuple(replace(state, scores=scores_of(prepared, state.image)) for state in states)
    told = Finding(name="Truth", text="the drawn patient's own course; the forecast did not see it")
    branch = Branch(
        id=TRUTH,
        states=states,
        condition=Condition(findings=(told,)),
        arm=TRUTH,
        time_basis="measured",
    )
    return replace(trajectory, branches=(*trajectory.branches, branch))


def _times(states: Sequence[State]) -> list[float]:
    return [float(state.time_years or 0.0) for state in states]
