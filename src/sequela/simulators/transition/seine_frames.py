"""Which frames of a SEINE clip are known, and how clips of a fixed length make any other length."""

import math
import re
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from sequela.core.checks import check_count
from sequela.core.errors import InvalidInputError, UnknownNameError

_MASK = re.compile(r"all|(first|onelast)([1-9]\d*)")


def unknown_frames(frames: int, *, first: int, last: int) -> Float[Tensor, " frame"]:
    """0 for each known frame, 1 for each to be generated.

    Args:
        frames: Of the clip.
        first: How many are known at its start.
        last: And at its end.
    """
    if first + last > frames:
        raise InvalidInputError(
            f"`frames` must be at least {first + last}, as many as are known, got {frames}. "
            "Hold fewer."
        )
    unknown = torch.ones(frames)
    unknown[:first] = 0
    unknown[frames - last :] = 0
    return unknown


def named_mask(kind: str, frames: int) -> Float[Tensor, " frame"]:
    """A mask by its published name.

    Args:
        kind: `firstN` holds N frames at the start, `onelastN` N at each end, `all` none: every
            frame is generated.
        frames: Of the clip.
    """
    match = _MASK.fullmatch(kind)
    if match is None:
        raise UnknownNameError(
            f"`kind` {kind!r} is not known. Known: firstN and onelastN with a number, such as "
            "onelast1, and all."
        )
    count = int(match[2] or 0)
    return unknown_frames(frames, first=count, last=count if match[1] == "onelast" else 0)


def held_ends(frames: int, window: int) -> tuple[int, int]:
    """How often each end is repeated so that a shorter clip fills the length of the network.

    The repeats are known frames and are dropped afterwards: the network always sees the length it
    was trained on, and no frame is interpolated.

    Args:
        frames: Of the clip, 2 up to `window`, both ends counted.
        window: The length of the network.
    """
    spare = window - frames
    return 1 + (spare + 1) // 2, 1 + spare // 2


def chain(frames: int, window: int) -> list[tuple[int, int]]:
    """Where the pieces of a clip that is longer than the network meet.

    A coarse clip of `window` frames is drawn between the states first. Some of its frames become
    ends of finer clips, at most `window` long. A coarse frame lands where its time is in the long
    clip, so that the tempo stays even to half a frame.

    Returns:
        Pairs of (frame of the coarse clip, frame of the long clip), from both firsts to both lasts.
    """
    reach = window - 1
    check_count("frames", frames, minimum=2, hint="Both states are counted.")
    if frames > reach**2 + 1:
        raise InvalidInputError(
            f"`frames` must be at most {reach**2 + 1} in one transition, got {frames}. "
            "Put a state in between, or play the frames slower."
        )
    for pieces in range(math.ceil((frames - 1) / reach), reach):
        meets = _meets(frames, reach, pieces)
        if max(after[1] - before[1] for before, after in pairwise(meets)) <= reach:
            return meets
    return _meets(frames, reach, reach)


def _meets(frames: int, reach: int, pieces: int) -> list[tuple[int, int]]:
    coarse = [round(piece * reach / pieces) for piece in range(pieces + 1)]
    return [(position, round(position * (frames - 1) / reach)) for position in coarse]
