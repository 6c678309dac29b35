"""What a simulator must beat: simpler methods on the same backbone, and same-size controls."""

from sequela.simulators.baselines.controls import brightness, noise, same_size
from sequela.simulators.baselines.latent import (
    class_direction,
    one_step,
    progressive,
    slerp,
    style,
    walk,
)
from sequela.simulators.baselines.picture import crossfade, persistence
from sequela.simulators.baselines.task import Method, Task

__all__ = [
    "Method",
    "Task",
    "brightness",
    "class_direction",
    "crossfade",
    "noise",
    "one_step",
    "persistence",
    "progressive",
    "same_size",
    "slerp",
    "style",
    "walk",
]
