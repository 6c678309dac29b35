"""Animate: a video through all states of the main branch.

Every clip starts and ends on its states exactly, and neighbouring clips share that one frame, so N
clips of K frames give N(K-1)+1 frames without a jump or a pause at the joins.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from sequela.core import DrawnFrames, InvalidInputError, Trajectory, Video
from sequela.core.checks import check_count
from sequela.imaging import channels_first, channels_last, resize
from sequela.render import to_display, viewing_size
from sequela.simulators.editing import Guide, ProgressiveEditor
from sequela.simulators.transition.confine import Confinement
from sequela.simulators.transition.draw import Transitions
from sequela.simulators.transition.engine import Carded, Engine, EngineSetup, Picture, make_engine

TRANSITIONS = {
    "latent": "content carried along its flow, repaired by the model where it was torn",
    "flow": "content carried along its flow; needs no model",
    "crossfade": "baseline: a linear blend of the two pictures",
    "seine": "a video diffusion model draws the frames; needs its weights",
    "flf2v": "a video model that is given the first and the last frame; needs its weights",
    "i2v": "comparator: a video model that is given the first frame only; needs its weights",
}
WITH_WEIGHTS = ("seine", "flf2v", "i2v")  # engines whose weights the user names
SLOWEST_FPS, FASTEST_FPS = 0.1, 240.0  # a GIF cannot hold a frame much longer
MAX_SIDE = 512  # pixels of the video's longer side; lossless states are kept beside it
_HELD_BYTES = 256 * 2**20  # a longer film is drawn anew by each who reads it


def animate(  # noqa: PLR0913  # a public door: one keyword each for what a user may ask
    trajectory: Trajectory,
    editor: ProgressiveEditor,
    *,
    engine: str = "latent",
    frames_per_transition: int = 12,
    fps: float = 16.0,
    outside: str = "ramp",
    text: str = "",
    checkpoint: Path | None = None,
    components: Path | None = None,
    drawer: Engine | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trajectory:
    """The trajectory with a video through the states of its main branch.

    A film of more than 256 MiB is drawn while it is written, with only one clip in memory.

    Args:
        trajectory: A run.
        editor: The editor that made it; its model repairs the frames of `latent`.
        engine: A name in `ENGINES`: `latent`, `flow`, `crossfade` as the baseline that any other
            must beat, `seine`, or one of an installed package.
        frames_per_transition: K, at least 2; both states are counted.
        fps: Frames a second.
        outside: `ramp`, or `paper` for the published rule outside the region.
        text: What a video model is told; `latent` follows the run's own condition.
        checkpoint: Weights of an engine that has its own.
        components: Codec and text encoder of such an engine.
        drawer: That engine, where it is loaded already.
        progress: Called with (clip, clips).
    """
    check_count("frames", frames_per_transition, minimum=2, hint="Both states are counted.")
    check_fps("fps", fps)
    clips = len(trajectory.states) - 1
    if clips < 1:
        raise InvalidInputError("`trajectory` must hold at least two states to be animated, got 1.")
    if drawer is None:
        setup = EngineSetup(
            backbone=editor.backbone,
            size=editor.size,
            guide=_guide(trajectory, editor) if engine == "latent" else None,
            checkpoint=checkpoint,
            components=components,
            device=str(editor.backbone.device),
        )
        drawer = make_engine(engine, setup)
    transitions = Transitions(
        engine=drawer,
        frames=frames_per_transition,
        text=text,
        confinement=_confinement(trajectory, outside),
        seed=trajectory.record.seed,
    )
    video = Video(
        frames=_frames(trajectory, transitions, progress),
        fps=fps,
        engine=engine,
        frames_per_transition=frames_per_transition,
    )
    asked: dict[str, Any] = {"engine": engine, "frames": frames_per_transition, "fps": fps}
    if outside != "ramp":
        asked["outside"] = outside
    if text:
        asked["text"] = text
    if isinstance(drawer, Carded):
        asked["model"] = {key: drawer.card[key] for key in ("name", "kind", "sha256")}
    request = {**trajectory.record.request, "transition": asked}
    return replace(trajectory, video=video, record=replace(trajectory.record, request=request))


def check_fps(name: str, value: float) -> None:
    """Refuse a number of frames a second that a film cannot have."""
    if not SLOWEST_FPS <= value <= FASTEST_FPS:  # nan fails every comparison
        raise InvalidInputError(
            f"`{name}` must lie in [{SLOWEST_FPS:g}, {FASTEST_FPS:g}] frames a second, got "
            f"{value!r}. 16 is usual."
        )


def _frames(
    trajectory: Trajectory,
    transitions: Transitions,
    progress: Callable[[int, int], None] | None,
) -> np.ndarray | DrawnFrames:
    """All frames as they are shown; those of a long film are drawn while it is written."""
    between, clips = transitions.frames - 1, len(trajectory.states) - 1

    def draw() -> Iterator[np.ndarray]:
        for number, frame in enumerate(transitions.through(_pictures(trajectory))):
            if progress is not None and number > 0 and number % between == 0:
                progress(number // between, clips)
            yield _displayed(frame)

    first = _displayed(next(_pictures(trajectory)))
    shape = (clips * between + 1, *first.shape)
    whole = math.prod(shape) <= _HELD_BYTES
    return np.stack(list(draw())) if whole else DrawnFrames(shape=shape, draw=draw)


def _pictures(trajectory: Trajectory) -> Iterator[Picture]:
    """The states as they are shown, at viewing size, in [-1, 1]."""
    for state in trajectory.states:
        shown = viewing_size(to_display(state.image, trajectory.scan.window), MAX_SIDE)
        yield channels_first(shown).astype(np.float32) / np.float32(127.5) - 1


def _displayed(frame: Picture) -> UInt8[np.ndarray, "..."]:
    """Back to 8 bits; what came from 8 bits comes back as it was."""
    return np.asarray(np.rint((channels_last(frame) + 1) * 127.5), dtype=np.uint8)


def _guide(trajectory: Trajectory, editor: ProgressiveEditor) -> Guide:
    """The run's condition; findings' places are asked for on the grid frames are repaired at."""
    effective = trajectory.regions.get(trajectory.main.region)
    return editor.guide(editor.case(trajectory.scan, effective, None), trajectory.main.condition)


def _confinement(trajectory: Trajectory, outside: str) -> Confinement:
    """The run's effective region at viewing size; it is feathered already."""
    if not {"requested", "protected"} & set(trajectory.regions):
        return Confinement(outside=outside)
    height, width = trajectory.scan.plane
    scale = min(1.0, MAX_SIDE / max(height, width))
    space = (max(1, round(height * scale)), max(1, round(width * scale)))
    effective = trajectory.regions[trajectory.main.region].array
    small = np.clip(resize(effective[None], space)[0], 0, 1)
    return Confinement(region=small.astype(np.float32), outside=outside)
