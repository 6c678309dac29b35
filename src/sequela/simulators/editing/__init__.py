"""Progressive editing: one image, a condition and a region to a trajectory of states."""

from sequela.simulators.editing.case import Case, check_picture
from sequela.simulators.editing.config import DEFAULT_PRESET, PRESETS, ProgressiveEditing, preset
from sequela.simulators.editing.editor import ProgressiveEditor
from sequela.simulators.editing.walk import Guide, Walk

__all__ = [
    "DEFAULT_PRESET",
    "PRESETS",
    "Case",
    "Guide",
    "ProgressiveEditing",
    "ProgressiveEditor",
    "Walk",
    "check_picture",
    "preset",
]
