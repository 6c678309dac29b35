"""Engines that need no model: the cross-fade that any other must beat, and the flow morph."""

from dataclasses import dataclass

import numpy as np

from sequela.imaging import Morph
from sequela.simulators.transition.engine import Clip, Continuous, Picture, Weights


@dataclass(frozen=True)
class CrossFade(Continuous):
    """Baseline: a linear blend of the two pictures. Borders do not move, they swap."""

    def between(
        self, first: Picture, last: Picture, *, weights: Weights, text: str, seed: int
    ) -> Clip:
        """One blend for each weight; text and seed change nothing."""
        return np.stack([first + w * (last - first) for w in weights])


@dataclass(frozen=True)
class FlowMorph(Continuous):
    """Content carried along its optical flow from one picture to the other.

    Borders move. What has no counterpart in the other picture is blended.
    """

    def clip(self, first: Picture, last: Picture, *, frames: int, text: str, seed: int) -> Clip:
        """Frames at an even pace: between any two of them equally much changes."""
        morph = Morph.of(first, last)
        return morph.frames(morph.paced(frames))

    def between(
        self, first: Picture, last: Picture, *, weights: Weights, text: str, seed: int
    ) -> Clip:
        """One morph for each weight; text and seed change nothing."""
        return Morph.of(first, last).frames(weights)
