"""Draw: the frames between two states by any engine, ends exact; and through many, one by one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from sequela.core import GeometryMismatchError, InvalidInputError
from sequela.core.checks import check_count
from sequela.simulators.transition.confine import Confinement
from sequela.simulators.transition.engine import (
    Clip,
    Continuous,
    Engine,
    Picture,
    Regional,
    Weights,
    even,
)

_SMALLEST = 8  # pixels of a side below which there is nothing to follow


@dataclass(frozen=True, kw_only=True, eq=False)
class Transitions:
    """Clips whose first and last frames are the states, exactly.

    Attributes:
        engine: What draws the frames between.
        frames: K, at least 2; both states are counted.
        text: What happens between the states.
        confinement: Where it may happen.
        seed: All noise follows it.
    """

    engine: Engine
    frames: int = 12
    text: str = ""
    confinement: Confinement = field(default_factory=Confinement)
    seed: int = 0

    def __post_init__(self) -> None:
        even(self.frames)
        check_count("seed", self.seed, minimum=0, hint="Any whole number from 0 up will do.")

    def clip(self, first: Picture, last: Picture, *, weights: Weights | None = None) -> Clip:
        """`[K, C, H, W]` from one state to the other.

        Args:
            first: State in [-1, 1].
            last: The next one, on the same grid.
            weights: Moments to show, rising from 0 to 1, in place of K even ones.

        Raises:
            GeometryMismatchError: States or masks on different grids.
            InvalidInputError: States outside [-1, 1], or an engine that knows even moments only.
        """
        _check_states(first, last)
        self.confinement.check_grid(first.shape[1:])
        first, last = first.astype(np.float32), last.astype(np.float32)
        drawn, moments = self._drawn(first, last, weights)
        fitted = _fitted(drawn, first, last, moments)
        clip = self.confinement.applied(fitted, first, last, moments)
        clip = np.asarray(np.clip(clip, -1, 1))
        clip[0], clip[-1] = first, last
        return clip

    def through(self, states: Iterable[Picture]) -> Iterator[Picture]:
        """Frame after frame through all states; N clips of K frames give N(K-1)+1 frames.

        Only one clip is held at a time, so that memory does not grow with the number of states.
        """
        before: Picture | None = None
        for state in states:
            if before is None:
                yield state.astype(np.float32)
            else:
                yield from self.clip(before, state)[1:]
            before = state

    def _drawn(
        self, first: Picture, last: Picture, weights: Weights | None
    ) -> tuple[Clip, Weights]:
        if weights is None:
            engine = self._regional((first.shape[1], first.shape[2]))
            given = engine.clip(first, last, frames=self.frames, text=self.text, seed=self.seed)
            return given, even(self.frames)
        _check_weights(weights)
        if not isinstance(self.engine, Continuous):
            raise InvalidInputError(
                f"`weights` cannot be given to {type(self.engine).__name__}, which draws evenly "
                "spaced frames only. Use the flow or the latent transition."
            )
        moments = weights.astype(np.float32)
        given = self.engine.between(first, last, weights=moments, text=self.text, seed=self.seed)
        return given, moments

    def _regional(self, space: tuple[int, int]) -> Engine:
        """The engine, told the region where it can be."""
        free = self.confinement.region is None and self.confinement.protected is None
        if free or not isinstance(self.engine, Regional):
            return self.engine
        return self.engine.within(self.confinement.effective(space))


def _fitted(clip: Clip, first: Picture, last: Picture, weights: Weights) -> Clip:
    """The clip with what its ends are off faded in from the ends inwards, so that none jumps."""
    off_first, off_last = first - clip[0], last - clip[-1]
    if not off_first.any() and not off_last.any():
        return clip
    shares = weights[:, None, None, None]
    return np.asarray(clip + (1 - shares) * off_first + shares * off_last)


def _check_states(first: np.ndarray, last: np.ndarray) -> None:
    if first.shape != last.shape:
        raise GeometryMismatchError(
            f"`first` and `last` must be of equal size, got {first.shape} and {last.shape}. "
            "Bring one onto the other's grid."
        )
    if first.ndim != 3 or len(first) not in (1, 3) or min(first.shape[1:]) < _SMALLEST:
        raise InvalidInputError(
            "`first` must be [channel, height, width] with 1 or 3 channels and sides of at least "
            f"{_SMALLEST} pixels, got shape {first.shape}."
        )
    for name, state in (("first", first), ("last", last)):
        low, high = float(state.min()), float(state.max())
        if not (low >= -1 and high <= 1):  # nan fails every comparison
            raise InvalidInputError(
                f"`{name}` must lie in [-1, 1], got {low:g} to {high:g}. Scale or clip it first."
            )


def _check_weights(weights: Weights) -> None:
    rises = len(weights) >= 2 and bool((np.diff(weights) > 0).all())  # nan fails it
    if not (rises and weights[0] == 0 and weights[-1] == 1):
        raise InvalidInputError(
            f"`weights` must rise from 0 to 1, got {np.asarray(weights).tolist()}. They are shares "
            "of the way between the states."
        )
