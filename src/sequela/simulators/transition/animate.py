"""Animate: a video through all states of the main branch.

Every clip starts and ends on its states exactly, and neighbouring clips share that one frame, so N
clips of K frames give N(K-1)+1 frames without a jump or a pause at the joins.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from sequela.core import InvalidInputError, Region, Trajectory, Video
from sequela.core.checks import check_choice, check_count
from sequela.imaging import channels_first, channels_last, resize
from sequela.render import to_display, viewing_size
from sequela.simulators.editing import Case, ProgressiveEditor
from sequela.simulators.transition.latent import LatentTransition

TRANSITIONS = {
    "latent": "neighbouring latents interpolated, lightly re-noised with shared noise, denoised",
    "crossfade": "baseline: a linear blend of the two pictures",
}
SLOWEST_FPS, FASTEST_FPS = 0.1, 240.0  # a GIF cannot hold a frame much longer
MAX_SIDE = 512  # pixels of the video's longer side; lossless states are kept beside it


def animate(  # a public door: one keyword each for what a user may ask
    trajectory: Trajectory,
    editor: ProgressiveEditor,
    *,
    engine: str = "latent",
    frames_per_transition: int = 12,
    fps: float = 16.0,
    progress: Callable[[int, int], None] | None = None,
) -> Trajectory:
    """The trajectory with a video through the states of its main branch.

    Args:
        trajectory: A run with latents.
        editor: The editor that made it.
        engine: `latent`, or `crossfade` as the baseline that any other must beat.
        frames_per_transition: K, at least 2; both states are counted.
        fps: Frames a second.
        progress: Called with (clip, clips).
    """
    check_choice("transition", engine, TRANSITIONS)
    check_count("frames", frames_per_transition, minimum=2, hint="Both states are counted.")
    check_fps("fps", fps)
    main, window = trajectory.main, trajectory.scan.window
    if len(main.states) < 2:
        raise InvalidInputError("`trajectory` must hold at least two states to be animated, got 1.")
    keys = [
        viewing_size(to_display(state.image, window), MAX_SIDE).astype(np.float32)
        for state in main.states
    ]
    weights = np.linspace(0, 1, frames_per_transition, dtype=np.float32)
    between = _latent(trajectory, editor, weights) if engine == "latent" else None
    frames = [keys[0]]
    for clip in range(len(keys) - 1):
        pictures = None if between is None else between(clip)
        frames += _joined(keys[clip], keys[clip + 1], weights, pictures)
        if progress is not None:
            progress(clip + 1, len(keys) - 1)
    video = Video(
        frames=np.clip(np.rint(np.stack(frames)), 0, 255).astype(np.uint8),
        fps=fps,
        engine=engine,
        frames_per_transition=frames_per_transition,
    )
    request = {
        **trajectory.record.request,
        "transition": {"engine": engine, "frames": frames_per_transition, "fps": fps},
    }
    return replace(trajectory, video=video, record=replace(trajectory.record, request=request))


def check_fps(name: str, value: float) -> None:
    """Refuse a number of frames a second that a film cannot have."""
    if not SLOWEST_FPS <= value <= FASTEST_FPS:  # nan fails every comparison
        raise InvalidInputError(
            f"`{name}` must lie in [{SLOWEST_FPS:g}, {FASTEST_FPS:g}] frames a second, got "
            f"{value!r}. 16 is usual."
        )


def _joined(
    first: Float[np.ndarray, "..."],
    last: Float[np.ndarray, "..."],
    weights: Float[np.ndarray, " frame"],
    pictures: Float[np.ndarray, "frame ..."] | None,
) -> list[Float[np.ndarray, "..."]]:
    """The frames after `first` up to `last`; drawn pictures are shifted so that their ends fit.

    The codec's round trip and the downscaling of a full-size state differ by a little; faded in
    linearly, that difference does not show as a jump at the join.
    """
    if pictures is None:
        pictures = np.stack([first + w * (last - first) for w in weights])
    off_first, off_last = first - pictures[0], last - pictures[-1]
    return [
        picture + (1 - w) * off_first + w * off_last
        for picture, w in zip(pictures[1:], weights[1:], strict=True)
    ]


def _latent(
    trajectory: Trajectory, editor: ProgressiveEditor, weights: Float[np.ndarray, " frame"]
) -> Callable[[int], Float[np.ndarray, "frame ..."]]:
    """A function from the number of a clip to its drawn pictures at viewing size."""
    main, window = trajectory.main, trajectory.scan.window
    if main.latents is None:
        raise InvalidInputError(
            "`trajectory` must hold latents for the latent transition. Use the crossfade instead."
        )
    case = _view_case(trajectory, editor)
    transition = LatentTransition.of(
        case, editor.guide(case, main.condition), main.latents, seed=trajectory.record.seed
    )

    def clip(number: int) -> Float[np.ndarray, "frame ..."]:
        images = transition.clip(number, weights)
        return np.stack([to_display(image, window).astype(np.float32) for image in images])

    return clip


def _view_case(trajectory: Trajectory, editor: ProgressiveEditor) -> Case:
    """The same patient at viewing size, so that no frame is composed at full size."""
    scan = trajectory.scan
    height, width = scan.plane
    scale = min(1.0, MAX_SIDE / max(height, width))
    space = (max(1, round(height * scale)), max(1, round(width * scale)))
    array = resize(channels_first(scan.array).astype(np.float32), space)
    region = None
    if {"requested", "protected"} & set(trajectory.regions):
        effective = trajectory.regions[trajectory.main.region]
        small = np.clip(resize(effective.array[None], space)[0], 0, 1)
        region = Region(array=small, origin=effective.origin)
    # the effective region is feathered already
    viewing = replace(editor, settings=editor.settings.changed(feather=0.0, compose=True))
    return viewing.case(replace(scan, array=channels_last(array)), region, None)
