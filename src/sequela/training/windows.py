"""Windows: which frames of a clip a network is shown, and which of them it knows."""

import re
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from sequela.simulators.transition.seine_frames import held_ends, named_mask


@dataclass(frozen=True, kw_only=True)
class ClipWindow:
    """One window.

    Attributes:
        frames: Which frame of the clip stands at each place.
        unknown: 0 for each place that is known, 1 for each to be generated.
    """

    frames: list[int]
    unknown: Float[Tensor, " place"]


def draw_window(
    available: int, places: int, kind: str, *, held: float, generator: torch.Generator
) -> ClipWindow:
    """Evenly spaced frames from anywhere in a clip; a clip that is too short has its ends held.

    Args:
        available: Frames of the clip.
        places: Length of the network.
        kind: `onelastN`, `firstN` or `all`; see `named_mask`.
        held: Share of windows that are drawn as shorter clips with their ends held, so that the
            network learns to draw these as well.
        generator: All chance follows it.
    """
    shortened, share, at_stride, at_start = torch.rand(4, generator=generator).tolist()
    count = min(available, places)
    if shortened < held:
        least = min(least_frames(kind), count)
        count = least + int(share * (count - least + 1))
    stride = 1 + int(at_stride * ((available - 1) // (count - 1)))
    start = int(at_start * (available - stride * (count - 1)))
    return _held(start, stride, count, places, kind)


def whole_window(available: int, places: int, kind: str) -> ClipWindow:
    """The window from the first frame of a clip on, at the widest even stride."""
    count = min(available, places)
    return _held(0, (available - 1) // (count - 1), count, places, kind)


def least_frames(kind: str) -> int:
    """Frames a clip must have for a mask to leave something unknown."""
    named = re.search(r"\d+", kind)
    known = int(named[0]) if named else 0
    return max(2, (2 * known if kind.startswith("onelast") else known) + 1)


def _held(start: int, stride: int, count: int, places: int, kind: str) -> ClipWindow:
    first, last = held_ends(count, places)
    order = [0] * (first - 1) + list(range(count)) + [count - 1] * (last - 1)
    return ClipWindow(
        frames=[start + stride * index for index in order],
        unknown=named_mask(kind, count)[order],
    )
