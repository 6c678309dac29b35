"""State, Branch, Video, Trajectory: the same patient at several moments, as a tree of branches."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from sequela.core.condition import Condition
from sequela.core.errors import InvalidInputError
from sequela.core.frames import DrawnFrames
from sequela.core.record import Record
from sequela.core.scan import Region, Scan

DAYS_PER_YEAR = 365.25
StateKind = Literal["observed", "simulated", "interpolated"]
TimeBasis = Literal["measured", "asserted", "ordinal"]
StateRole = Literal["image", "mask", "probability"]


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """The patient's appearance at one moment.

    Attributes:
        image: On the baseline's grid, in its units and dtype; or what `role` says.
        kind: Observed (the input itself), simulated, or interpolated.
        step: Ordinal position; 0 is the baseline.
        time_years: Years after the baseline, where the branch's time basis is not ordinal.
        scores: Named figures, for example `mean_change`.
        role: What `image` is: an image, a mask of 0 and 1, or a probability map.
        layers: Further arrays on the grid by name, such as other sequences or a lesion mask.
    """

    image: np.ndarray
    kind: StateKind
    step: int
    time_years: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    role: StateRole = "image"
    layers: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Branch:
    """One line of states: the main one from the baseline, or one that leaves its parent.

    Attributes:
        id: `main`, `sample-1`, `branch-1`; also its folder name.
        states: In order of step. A child begins after the parent's state `from_state`.
        condition: What was asked for.
        parent: The id of the branch it leaves, None for one that starts at the baseline.
        from_state: Step of the parent's state it leaves.
        sample: Index of the random draw.
        region: Key of the effective region in `Trajectory.regions`.
        time_basis: Whether times are measured, asserted by the user, or only an order.
        latents: `[T, Z, h, w]` float32, one for each state, to go on from any of them; may be None.
    """

    id: str
    states: tuple[State, ...]
    condition: Condition
    parent: str | None = None
    from_state: int | None = None
    sample: int = 0
    arm: str | None = None
    region: str = "effective"
    time_basis: TimeBasis = "ordinal"
    latents: np.ndarray | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Video:
    """Frames through the states of the main branch, at viewing size; they claim no clinical time.

    Attributes:
        frames: uint8 `[F, H, W]` grey or `[F, H, W, 3]`; drawn while they are written, where the
            film is long.
        fps: Frames a second.
        engine: The transition that made them.
        frames_per_transition: K; N clips of K frames give N(K-1)+1 frames.
    """

    frames: np.ndarray | DrawnFrames = field(repr=False)
    fps: float
    engine: str
    frames_per_transition: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Trajectory:
    """A baseline scan and its branches, with regions, spread and the record that replays them.

    Attributes:
        scan: The baseline.
        branches: The main branch first.
        record: Method, settings, seeds, hashes, versions.
        regions: `requested`, `effective`, `protected`, one `finding-<name>` each, and
            `effective-<branch>` for branches with a region of their own.
        uncertainty: `mean` and `spread` over the samples at the last common step, in stored units.
        video: Frames through the main branch, if they were asked for.
    """

    scan: Scan
    branches: tuple[Branch, ...]
    record: Record
    regions: Mapping[str, Region] = field(default_factory=dict)
    uncertainty: Mapping[str, np.ndarray] = field(default_factory=dict)
    video: Video | None = None

    def __post_init__(self) -> None:
        ids = [branch.id for branch in self.branches]
        if not ids or len(set(ids)) != len(ids):
            raise InvalidInputError(f"`branches` must have distinct ids, got {ids}.")

    @property
    def main(self) -> Branch:
        """The first branch."""
        return self.branches[0]

    @property
    def states(self) -> tuple[State, ...]:
        """The states of the main branch, the baseline first."""
        return self.main.states

    def branch(self, branch_id: str) -> Branch:
        """The branch of that id."""
        for branch in self.branches:
            if branch.id == branch_id:
                return branch
        ids = ", ".join(b.id for b in self.branches)
        raise InvalidInputError(f"`branch` {branch_id!r} is not in this run. It holds {ids}.")

    def with_asserted_horizon(self, horizon_years: float) -> "Trajectory":
        """The same with evenly spaced times up to a horizon that the user asserts.

        Editing saturates and is no clock, so these times are marked as asserted, never measured.
        """
        last = max(branch.states[-1].step for branch in self.branches)

        def timed(branch: Branch) -> Branch:
            states = tuple(
                replace(state, time_years=horizon_years * state.step / last)
                for state in branch.states
            )
            return replace(branch, states=states, time_basis="asserted")

        return replace(self, branches=tuple(timed(branch) for branch in self.branches))

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write the run folder, whole or not at all; see `sequela.save`."""
        import sequela

        return sequela.save(self, folder, overwrite=overwrite)
