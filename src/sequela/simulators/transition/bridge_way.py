"""The way between two visits on one grid: its states, and its film, frame after frame."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, UInt8

from sequela.core import DAYS_PER_YEAR, DrawnFrames, Region, State, StateKind, Video
from sequela.imaging import channels_first, channels_last, resize
from sequela.render import to_display, viewing_size
from sequela.simulators.transition.animate import MAX_SIDE
from sequela.simulators.transition.confine import Confinement
from sequela.simulators.transition.draw import Transitions
from sequela.simulators.transition.engine import Clip, Continuous, Engine, Picture
from sequela.simulators.transition.visits import Visits, as_dtype

_AT_ONCE = 32  # frames that are held while the film is written

Moments = Float[np.ndarray, " state"]
Shown = UInt8[np.ndarray, "height width *channel"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Way:
    """The way between two visits.

    Attributes:
        visits: Both on one grid.
        engine: What draws between them.
        region: Where content may move; None is everywhere.
        text: What an engine with a text encoder is told.
        seed: All noise follows it.
    """

    visits: Visits
    engine: Engine
    region: Region | None = None
    text: str = ""
    seed: int = 0

    def states(
        self,
        moments: Moments,
        days: float,
        progress: Callable[[int, int], None] | None = None,
    ) -> tuple[State, ...]:
        """Observed, interpolated, observed.

        Args:
            moments: Shares of the way, from 0 to 1.
            days: Its length.
            progress: Called with (state, states).
        """
        images: list[np.ndarray] = [self.visits.first.array]
        transitions = self._transitions(self.visits.first.plane, 2)
        for number, moment in enumerate(moments[1:-1], 1):
            weights = np.array([0, moment, 1], np.float32)
            drawn = transitions.clip(*self.visits.pictures, weights=weights)[1]
            images.append(self._in_stored_units(drawn, float(moment)))
            if progress is not None:
                progress(number, len(moments) - 2)
        images.append(self.visits.last)
        return tuple(
            State(
                image=image,
                kind=_kind(float(moment)),
                step=step,
                time_years=float(moment) * days / DAYS_PER_YEAR,
            )
            for step, (image, moment) in enumerate(zip(images, moments, strict=True))
        )

    def film(
        self, states: Sequence[State], moments: Moments, *, frames: int, fps: float, name: str
    ) -> Video:
        """The film through the states; its frames are drawn while it is written.

        Args:
            states: As `states` gave them.
            moments: Where they lie.
            frames: From each state to the next, both counted.
            fps: Frames a second.
            name: Of the engine.
        """
        count = (len(states) - 1) * (frames - 1) + 1
        drawn = DrawnFrames(
            shape=(count, *self._shown(states[0]).shape),
            draw=lambda: self._frames(states, moments, frames),
        )
        return Video(frames=drawn, fps=fps, engine=name, frames_per_transition=frames)

    def _shown(self, state: State) -> Shown:
        return viewing_size(to_display(state.image, self.visits.first.window), MAX_SIDE)

    def _frames(self, states: Sequence[State], moments: Moments, frames: int) -> Iterator[Shown]:
        before = self._shown(states[0])
        yield before
        ends = _picture(before), _picture(self._shown(states[-1]))
        transitions = self._transitions(ends[0].shape[1:], frames)
        at_once = max(1, _AT_ONCE // frames)
        steps = list(pairwise(range(len(moments))))
        for start in range(0, len(steps), at_once):
            some = steps[start : start + at_once]
            clips = self._clips(transitions, ends, moments, some)
            for (_, number), clip in zip(some, clips, strict=True):
                after = self._shown(states[number])
                pinned = _pinned(clip, _picture(before), _picture(after))
                yield from (_displayed(picture) for picture in pinned[1:-1])
                yield after
                before = after

    def _clips(
        self,
        transitions: Transitions,
        ends: tuple[Picture, Picture],
        moments: Moments,
        steps: Sequence[tuple[int, int]],
    ) -> Iterator[Clip]:
        """Some neighbouring clips, drawn in one go, straight from the two visits."""
        if not isinstance(self.engine, Continuous):
            yield transitions.clip(*ends)
            return
        reach = transitions.frames - 1
        parts = [np.linspace(moments[a], moments[b], reach + 1)[:-1] for a, b in steps]
        weights = np.append(np.concatenate(parts), moments[steps[-1][1]])
        lead, tail = int(weights[0] > 0), int(weights[-1] < 1)
        whole = np.concatenate([[0.0] * lead, weights, [1.0] * tail]).astype(np.float32)
        drawn = transitions.clip(*ends, weights=whole)[lead : len(whole) - tail]
        for clip in range(len(steps)):
            yield drawn[clip * reach : (clip + 1) * reach + 1]

    def _transitions(self, space: tuple[int, ...], frames: int) -> Transitions:
        region = None
        if self.region is not None:
            small = resize(self.region.array[None], (space[0], space[1]))[0]
            region = np.clip(small, 0, 1).astype(np.float32)
        return Transitions(
            engine=self.engine,
            frames=frames,
            text=self.text,
            confinement=Confinement(region=region),
            seed=self.seed,
        )

    def _in_stored_units(self, drawn: Picture, moment: float) -> np.ndarray:
        """In the first film's units; what lies outside its window fades with the first film."""
        scan = self.visits.first
        window = scan.window
        share = (channels_last(drawn).astype(np.float64) + 1) / 2
        beyond = scan.array - np.clip(scan.array.astype(np.float64), window.low, window.high)
        values = window.low + share * (window.high - window.low) + (1 - moment) * beyond
        return as_dtype(values, scan.array.dtype)


def _kind(moment: float) -> StateKind:
    return "observed" if moment in (0, 1) else "interpolated"


def _picture(shown: Shown) -> Picture:
    return channels_first(shown).astype(np.float32) / np.float32(127.5) - 1


def _displayed(frame: Picture) -> Shown:
    """Back to 8 bits; what came from 8 bits comes back as it was."""
    return np.asarray(np.rint((channels_last(frame) + 1) * 127.5), dtype=np.uint8)


def _pinned(clip: Clip, first: Picture, last: Picture) -> Clip:
    """The clip with its ends on the states, what they were off faded in, so that none jumps."""
    shares = np.linspace(0, 1, len(clip), dtype=np.float32)[:, None, None, None]
    off_first, off_last = first - clip[0], last - clip[-1]
    return np.asarray(np.clip(clip + (1 - shares) * off_first + shares * off_last, -1, 1))
