"""Same-size controls: the region changes as much as in the method under test, for no reason.

What a judge says of them is what it says of any change of that size.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from sequela.core import InvalidInputError, State
from sequela.imaging import add_change, channels_first
from sequela.simulators.baselines.task import Task
from sequela.simulators.editing import ProgressiveEditor

GRAIN_PX = 1.0  # standard deviation of the noise's blur, in pixels of the model's square

Delta = Float[np.ndarray, "channel height width"]


def same_size(task: Task, states: Sequence[State], reference: Sequence[State]) -> tuple[State, ...]:
    """States whose change is scaled, step by step, to the mean |change| of the reference's.

    Args:
        task: The scan both start from.
        states: Those to be scaled, such as an edit towards "no finding".
        reference: Those of the method under test.
    """
    if len(states) != len(reference):
        raise InvalidInputError(
            f"`states` must be as many as `reference`, got {len(states)} and {len(reference)}. "
            "Give both the same number of steps."
        )
    deltas = [_delta(task, state) for state in states]
    return _rebuilt(task, deltas, reference)


def noise(editor: ProgressiveEditor, task: Task, reference: Sequence[State]) -> tuple[State, ...]:
    """Noise in the region, a little blurred as a decoder would, of the reference's size."""
    case = editor.case(task.scan, task.region, None)
    draw = np.random.default_rng([task.seed, 1]).standard_normal(task.scan.array.shape)
    blur = GRAIN_PX * max(task.scan.plane) / case.fit.size
    grain = gaussian_filter(channels_first(draw).astype(np.float32), (0, blur, blur))
    return _rebuilt(task, [grain * case.effective] * len(reference), reference)


def brightness(
    editor: ProgressiveEditor, task: Task, reference: Sequence[State]
) -> tuple[State, ...]:
    """The region a little brighter, of the reference's size."""
    case = editor.case(task.scan, task.region, None)
    flat = np.ones_like(channels_first(task.scan.array), dtype=np.float32) * case.effective
    return _rebuilt(task, [flat] * len(reference), reference)


def _rebuilt(task: Task, deltas: Sequence[Delta], reference: Sequence[State]) -> tuple[State, ...]:
    """The scan plus each delta, scaled; clipping may take a little of it away again."""
    scan, width = task.scan, task.scan.window.high - task.scan.window.low
    made: list[State] = []
    for delta, state in zip(deltas, reference, strict=True):
        size, own = np.abs(_delta(task, state)).mean(), np.abs(delta).mean()
        # stored units to the model's scale of 2 from black to white
        scaled = delta * np.float32(0 if own == 0 else size / own * 2 / width)
        # where nothing changes in any channel the scan is taken as it is
        image = add_change(scan.array, scaled, np.abs(scaled).max(axis=0), scan.window)
        made.append(replace(state, image=scan.array if state.step == 0 else image, scores={}))
    return tuple(made)


def _delta(task: Task, state: State) -> Delta:
    """In stored units."""
    change = state.image.astype(np.float32) - task.scan.array.astype(np.float32)
    return channels_first(change)
