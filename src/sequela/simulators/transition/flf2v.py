"""Transitions drawn by published video models that are given the first and the last frame.

A model draws the number of frames and the size it can; the clip is brought to what was asked for.
A model that takes the first frame only is a comparator: its clip goes where it likes, and what it
is off at the last state is faded in by whoever pins the ends.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sequela.backbones.video_families import FAMILIES, VideoRequest
from sequela.backbones.video_pipelines import VideoModel
from sequela.core import GeometryMismatchError, InvalidInputError
from sequela.core.checks import check_count, check_finite
from sequela.imaging import match_channels, resize
from sequela.simulators.transition.engine import Clip, Picture, SoftMask


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoTransition:
    """Clips by a first-and-last-frame model, or by a comparator that knows the first alone.

    Attributes:
        model: From `backbones.video_load.load_video_model`.
        to_last: Whether the model is given the last state. False makes a comparator: any model will
            do, and none is told where to end.
        num_denoising_steps: Of the model's own sampler.
        guidance_scale: Weight of the text; None is as published.
        negative_text: What the frames are steered away from.
        drawn_frames: How many frames the model draws; the clip takes the nearest of them. None is
            the least number it can draw that is enough. Models are at their best near the length
            they were trained on, such as 81 (Wan) or 121 (LTX).
        size: Height and width the model draws at, brought to what it can; None is the states' own.
        region: Soft mask on the states' grid: where a model that can be told (Wan VACE) may
            invent. Outside it is shown the states' linear path.
        progress: Called with (denoising steps done, all of them).
    """

    model: VideoModel
    to_last: bool = True
    num_denoising_steps: int = 50
    guidance_scale: float | None = None
    negative_text: str = ""
    drawn_frames: int | None = None
    size: tuple[int, int] | None = None
    region: SoftMask | None = None
    progress: Callable[[int, int], None] | None = None

    def __post_init__(self) -> None:
        check_count("num_denoising_steps", self.num_denoising_steps)
        if self.guidance_scale is not None:
            check_finite("guidance_scale", self.guidance_scale, minimum=0)
        if self.drawn_frames is not None:
            check_count("drawn_frames", self.drawn_frames, minimum=2)
        if not self.to_last and self.model.last_frame == "must":
            raise InvalidInputError(
                f"`model` must do without a last frame as a comparator, but {self.model.name} "
                "needs one. Name it with the transition flf2v."
            )
        if self.to_last and self.model.last_frame == "never":
            able = "; ".join(f.title for f in FAMILIES.values() if "CogVideoX" not in f.title)
            raise InvalidInputError(
                f"`model` must take a last frame, but {self.model.name} "
                f"({self.model.family.title}) knows the first only. Those that do: {able}. "
                "As a comparator, name it with the transition i2v."
            )

    @property
    def card(self) -> dict[str, Any]:
        """What the record of a run says about the weights."""
        return self.model.card

    def clip(self, first: Picture, last: Picture, *, frames: int, text: str, seed: int) -> Clip:
        """Evenly spaced frames, their ends as the model drew them; see `Engine`.

        Raises:
            GeometryMismatchError: the region lies on another grid than the states.
        """
        drawn = self.model.draw(
            self._request(first, last, frames),
            text=text,
            negative_text=self.negative_text,
            seed=seed,
            num_denoising_steps=self.num_denoising_steps,
            guidance_scale=self.guidance_scale,
            progress=self.progress,
        )
        space = (first.shape[1], first.shape[2])
        chosen = nearest(len(drawn), frames)
        fitted = [match_channels(resize(drawn[i], space), len(first)) for i in chosen]
        return np.asarray(np.clip(np.stack(fitted), -1, 1))

    def within(self, region: SoftMask) -> "VideoTransition":
        """The same, with that region; a model that cannot be told draws freely all the same."""
        return replace(self, region=region)

    def _request(self, first: Picture, last: Picture, frames: int) -> VideoRequest:
        wanted = self.size or (first.shape[1], first.shape[2])
        space = self.model.size_for(*wanted)
        ends = [resize(match_channels(state, 3), space).clip(-1, 1) for state in (first, last)]
        region = None
        if self.region is not None and self.model.family.takes_region:
            if self.region.shape != first.shape[1:]:
                raise GeometryMismatchError(
                    f"`region` must lie on the states' grid {first.shape[1:]}, got "
                    f"{self.region.shape}. Resample it first."
                )
            region = resize(self.region[None], space)[0].clip(0, 1)
        return VideoRequest(
            first=ends[0],
            last=ends[1] if self.to_last else None,
            frames=self.model.frames_for(max(frames, self.drawn_frames or 2)),
            region=region,
        )


def nearest(drawn: int, frames: int) -> list[int]:
    """Which of the drawn frames are nearest to evenly spaced moments, ends kept.

    The tempo is even to half a drawn frame; with fewer drawn than asked for some repeat.
    """
    return [round(position) for position in np.linspace(0, drawn - 1, frames)]
