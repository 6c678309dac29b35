"""Layout of a film: the frames alone or beside the baseline, with label and stamp if asked for.

What is added stands beside or above the frames, and only the stamp lies on them, at the bottom.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from sequela.core import Branch, DrawnFrames, InvalidInputError, State, Trajectory, Video, Window
from sequela.core.checks import check_choice
from sequela.render.heat import change_map, heat_colours, heat_scale
from sequela.render.stamping import stamp
from sequela.render.words import time_length

Frame = UInt8[np.ndarray, "height width *channel"]

LAYOUTS = {
    "frames": "the frames alone",
    "side-by-side": "the baseline on the left, the frame on the right",
    "difference": "the frame on the left, its change from the baseline on the right",
}
_GAP = 4  # pixels between the two pictures
_SHOWN = Window(low=0, high=255, origin="dtype")
_LARGEST_FONT, _SMALLEST_FONT = 18, 6  # pixels


@dataclass(frozen=True, kw_only=True)
class VideoStyle:
    """How a film is laid out.

    Attributes:
        layout: `frames`, `side-by-side` or `difference`.
        labelled: Name the nearest state above each frame: its step and, where it has one, its time.
        stamped: Burn "SYNTHETIC - research and education" into the bottom edge.
    """

    layout: str = "frames"
    labelled: bool = False
    stamped: bool = False

    def __post_init__(self) -> None:
        check_choice("layout", self.layout, LAYOUTS)


def laid_out(trajectory: Trajectory, style: VideoStyle) -> Video:
    """The trajectory's film in a style; each frame is laid out when it is written.

    Raises:
        InvalidInputError: The trajectory has no film.
    """
    video = trajectory.video
    if video is None:
        raise InvalidInputError("`trajectory` must have a video to be laid out. Animate it first.")
    if style == VideoStyle():
        return video
    sheet = _Sheet(trajectory, video, style)
    baseline = next(iter(video.frames))
    shape = (len(video.frames), *sheet.on(baseline, 0, baseline).shape)
    return replace(video, frames=DrawnFrames(shape=shape, draw=sheet.all))


class _Sheet:
    """What all frames of a film share: scale of the change, labels and their size."""

    def __init__(self, trajectory: Trajectory, video: Video, style: VideoStyle) -> None:
        self.video, self.style = video, style
        states = trajectory.states
        self.labels = [label(state, trajectory.main) for state in states]
        self.legend: list[str] = []
        if style.layout == "difference":
            scan = trajectory.scan
            maps = [change_map(state.image, scan.array, scan.window) for state in states]
            self.scale = heat_scale(maps)
            self.legend = [f"Change: 0 to {100 * self.scale:g} % of the window"]
        parts = 1 if style.layout == "frames" else 2
        width = video.frames.shape[2]
        self.font = _font([*self.labels, *self.legend], width)
        self.width = parts * width + (parts - 1) * _GAP

    def all(self) -> Iterator[Frame]:
        """The frames, one by one."""
        baseline: Frame | None = None
        for number, frame in enumerate(self.video.frames):
            baseline = frame if baseline is None else baseline
            yield self.on(frame, number, baseline)

    def on(self, frame: Frame, number: int, baseline: Frame) -> Frame:
        """One frame, laid out."""
        picture, words = frame, [self.labels[self.nearest(number)], *self.legend]
        if self.style.layout == "side-by-side":
            picture, words = _beside(baseline, frame), [self.labels[0], *words]
        if self.style.layout == "difference":
            change = change_map(frame, baseline, _SHOWN)
            picture = _beside(_colour(frame), heat_colours(change / self.scale))
        if self.style.labelled:
            band = _band(words, self.width, self.font)
            picture = np.concatenate([band if picture.ndim == 2 else _colour(band), picture])
        return stamp(picture, _SHOWN) if self.style.stamped else picture

    def nearest(self, number: int) -> int:
        """Which state a frame is nearest to; in the middle of a clip the later one."""
        between = self.video.frames_per_transition - 1
        return min((2 * number + between) // (2 * between), len(self.labels) - 1)


def label(state: State, branch: Branch) -> str:
    """What a film calls a state: step, kind and, where it has one, its time and who says so."""
    if state.step == 0:
        return "Baseline"
    name = f"Step {state.step}, {state.kind}"
    if state.time_years is None or branch.time_basis == "ordinal":
        return name
    return f"{name}, +{time_length(state.time_years)} ({branch.time_basis})"


def _beside(left: Frame, right: Frame) -> Frame:
    gap = np.zeros((left.shape[0], _GAP, *left.shape[2:]), np.uint8)
    return np.concatenate([left, gap, right], axis=1)


def _colour(frame: Frame) -> UInt8[np.ndarray, "height width 3"]:
    return np.repeat(frame[..., None], 3, axis=-1) if frame.ndim == 2 else frame


def _band(words: list[str], width: int, size: int) -> UInt8[np.ndarray, "height width"]:
    """White words on black, one over each part, of even height, as yuv420p needs."""
    band = Image.new("L", (width, 2 * round(0.85 * size)))
    pen, font = ImageDraw.Draw(band), ImageFont.load_default(size)
    for part, word in enumerate(words):
        left = part * (width + _GAP) / len(words) + size / 3
        pen.text((left, band.height / 2), word, fill=255, font=font, anchor="lm")
    return np.asarray(band)


def _font(words: list[str], width: int) -> int:
    """The size at which every label fits over its part, so that all bands are of one height."""
    sizes = range(_LARGEST_FONT, _SMALLEST_FONT, -1)
    fits = (size for size in sizes if max(_length(w, size) for w in words) < width - size)
    return next(fits, _SMALLEST_FONT)


def _length(word: str, size: int) -> float:
    return float(ImageFont.load_default(size).getlength(word))
