"""Baselines without a model: nothing happens; a fade to somebody who has the disease."""

import numpy as np
from jaxtyping import Float

from sequela.core import Scan, State
from sequela.imaging import add_change, channels_first, match_channels, resize, to_model_range
from sequela.simulators.baselines.task import Task
from sequela.simulators.editing import Case, ProgressiveEditor


def persistence(editor: ProgressiveEditor, task: Task) -> tuple[State, ...]:
    """The baseline, as often as the editor takes steps."""
    return _states(task.scan, [task.scan.array] * editor.settings.num_steps)


def crossfade(editor: ProgressiveEditor, task: Task, target: Scan) -> tuple[State, ...]:
    """A linear blend, inside the region, into a real image of another patient who is ill.

    It scores high with any judge of the disease and keeps nothing of the patient: the reason why
    identity is measured beside.

    Args:
        editor: Tells the number of steps and the region's feathering.
        task: What to simulate.
        target: The other patient's image; it is stretched to the scan's size.
    """
    case: Case = editor.case(task.scan, task.region, None)
    here = _on_scale(task.scan)
    there = resize(match_channels(_on_scale(target), len(here)), task.scan.plane)
    steps = editor.settings.num_steps
    images = [
        add_change(
            task.scan.array,
            np.float32(step / steps) * case.effective * (there - here),
            case.effective,
            task.scan.window,
        )
        for step in range(1, steps + 1)
    ]
    return _states(task.scan, images)


def _on_scale(scan: Scan) -> Float[np.ndarray, "channel height width"]:
    return channels_first(to_model_range(scan.array, scan.window)).astype(np.float32)


def _states(scan: Scan, images: list[np.ndarray]) -> tuple[State, ...]:
    baseline = State(image=scan.array, kind="observed", step=0)
    later = (
        State(image=image, kind="simulated", step=step) for step, image in enumerate(images, 1)
    )
    return (baseline, *later)
