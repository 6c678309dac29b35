"""Interpolation in time: states between slots, and a forecast held to what was seen."""

import torch
from jaxtyping import Float
from torch import Tensor

from sequela.core import InvalidInputError


def between(
    states: Float[Tensor, "time *shape"],
    known: Float[Tensor, " time"],
    wanted: Float[Tensor, " moment"],
) -> Float[Tensor, "moment *shape"]:
    """States at wanted times, linear between the known ones; outside, the nearest known one.

    Args:
        states: At the known times.
        known: Strictly rising.
        wanted: Any times.
    """
    if len(states) != len(known) or not bool((known.diff() > 0).all()):
        raise InvalidInputError(
            f"`known` must rise strictly and be one for each of {len(states)} states, "
            f"got {known.tolist()}. Sort the states by time."
        )
    if len(known) == 1:
        return states.expand(len(wanted), *states.shape[1:])
    after = torch.searchsorted(known, wanted).clamp(1, len(known) - 1)
    share = ((wanted - known[after - 1]) / (known[after] - known[after - 1])).clamp(0, 1)
    weight = share.to(states).view(-1, *[1] * (states.ndim - 1))
    return states[after - 1].lerp(states[after], weight)


def hold(
    forecast: Float[Tensor, "moment *shape"],
    times: Float[Tensor, " moment"],
    errors: Float[Tensor, "scan *shape"],
    seen_times: Float[Tensor, " scan"],
) -> Float[Tensor, "moment *shape"]:
    """The forecast, moved so that it passes through every scan that was seen.

    Args:
        forecast: At `times`.
        times: Any.
        errors: What was seen, less what was forecast for that time.
        seen_times: Strictly rising. Between two of them the error is spread linearly in time; after
            the last it stays.
    """
    return forecast + between(errors, seen_times, times)
