"""Album: every state of a run once, with its change from the baseline, ready for a page."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from sequela.core import Branch, State, Trajectory
from sequela.render.display import VIEWING_SIDE, data_uri, plane, to_display, viewing_size
from sequela.render.heat import change_map, heat_overlay, heat_scale

# Longer side in pixels for runs of at most so many states, so that a page stays below about 8 MB.
SIDES = ((24, VIEWING_SIDE), (48, 512), (120, 384))
SMALLEST_SIDE = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """One state as a page shows it.

    Attributes:
        id: Name of its element in the page.
        state: What it shows.
        uri: The image at viewing size.
        mean_change: Mean |x_n - x_0| over the whole image, as a share of the window's width.
        change: |x_n - x_0| at half the viewing size, as a share of the window's width.
    """

    id: str
    state: State
    uri: str
    mean_change: float
    change: Float32[np.ndarray, "height width"]

    @property
    def observed(self) -> bool:
        """Whether a scanner made it."""
        return self.state.kind == "observed"


class Album:
    """All pictures of a trajectory, and the one scale of their heat maps.

    Args:
        trajectory: The run; a volume is shown by its middle axial slice.
    """

    def __init__(self, trajectory: Trajectory) -> None:
        self.trajectory = trajectory
        self.side = viewing_side(sum(len(branch.states) for branch in trajectory.branches))
        self._pictures: dict[int, Picture] = {}
        for branch in trajectory.branches:
            for state in path_of(trajectory, branch):
                if id(state) not in self._pictures:
                    self._pictures[id(state)] = self._picture(state)
        self.scale = heat_scale([picture.change for picture in self])

    def __iter__(self) -> Iterator[Picture]:
        return iter(self._pictures.values())

    def along(self, branch: Branch) -> list[Picture]:
        """The pictures from the baseline to the branch's last state."""
        return [self._pictures[id(state)] for state in path_of(self.trajectory, branch)]

    def heat(self, picture: Picture) -> str | None:
        """Its overlay on the run's scale, or None where nothing changed."""
        if not picture.change.any():
            return None
        return data_uri(heat_overlay(picture.change, self.scale))

    def _picture(self, state: State) -> Picture:
        scan = self.trajectory.scan
        shown = viewing_size(to_display(plane(state.image), scan.window), self.side)
        change = change_map(state.image, scan.array, scan.window)
        return Picture(
            id=f"picture-{len(self._pictures)}",
            state=state,
            uri=data_uri(shown),
            mean_change=float(change.mean(dtype=np.float64)),
            change=viewing_size(np.asarray(plane(change)), self.side // 2),
        )


def viewing_side(states: int) -> int:
    """Longer side of the pictures on a page with so many states, in pixels."""
    return next((side for most, side in SIDES if states <= most), SMALLEST_SIDE)


def path_of(trajectory: Trajectory, branch: Branch) -> list[State]:
    """The states from the baseline to the branch's last, its parent's before its own."""
    own = list(branch.states)
    if branch.parent is not None and branch.parent != branch.id:
        leaves = branch.from_state if branch.from_state is not None else 0
        before = path_of(trajectory, trajectory.branch(branch.parent))
        kept = [s for s in before if s.step <= leaves and (not own or s.step < own[0].step)]
        return kept + own
    if branch is trajectory.main or (own and own[0].kind != "observed" and own[0].step == 0):
        return own
    # every draw starts from the one baseline, whether or not it keeps a copy of it
    return [trajectory.states[0], *(state for state in own if state.step > 0)]
