"""Solvers in time: torchdiffeq for ordinary equations, Euler-Maruyama for stochastic ones."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from sequela.core import InvalidInputError
from sequela.core.checks import check_choice, check_positive

Field = Callable[[Tensor, Tensor], Tensor]  # time, state -> rate

ADAPTIVE = ("dopri5", "dopri8", "bosh3")
FIXED = ("euler", "midpoint", "rk4")


@dataclass(frozen=True, kw_only=True)
class Solver:
    """How to walk along a vector field. Defaults as published."""

    name: str = "dopri5"
    rtol: float = 1e-3  # of the adaptive ones
    atol: float = 1e-4
    step: float = 0.25  # of the fixed ones, at most, in years
    is_adjoint: bool = False  # gradients from a second solve: constant memory, more time

    def __post_init__(self) -> None:
        check_choice("name", self.name, (*ADAPTIVE, *FIXED))
        for name in ("rtol", "atol", "step"):
            check_positive(name, getattr(self, name))


def solve_ode(
    field: Field, start: Float[Tensor, "*shape"], times: Float[Tensor, " time"], solver: Solver
) -> Float[Tensor, "time *shape"]:
    """The states at `times`, where the first is that of `start`.

    Args:
        field: The rate at a time and a state. With `is_adjoint` it must be a module.
        start: The state at the first time.
        times: Strictly rising, or strictly falling to go backwards.
        solver: The method.

    Raises:
        InvalidInputError: Times repeat or change direction.
    """
    _check_times(times)
    if len(times) == 1:
        return start[None]
    from torchdiffeq import odeint, odeint_adjoint

    solve = odeint_adjoint if solver.is_adjoint else odeint
    options = {} if solver.name in ADAPTIVE else {"step_size": solver.step}
    states = solve(
        field,
        start,
        times.to(start),
        method=solver.name,
        rtol=solver.rtol,
        atol=solver.atol,
        options=options,
    )
    return torch.as_tensor(states)


def solve_sde(  # the equation and where it starts
    field: Field,
    spread: Field,
    start: Float[Tensor, "*shape"],
    times: Float[Tensor, " time"],
    generator: torch.Generator,
    step: float,
) -> Float[Tensor, "time *shape"]:
    """One sample of dz = field dt + spread dW at `times`, by Euler and Maruyama.

    Args:
        field: The drift.
        spread: The noise's standard deviation per root of a unit of time, for each number alone.
        start: The state at the first time.
        times: Strictly rising.
        generator: Of the noise, on the CPU.
        step: Longest step.
    """
    _check_times(times)
    states, state = [start], start
    for begin, end in zip(times.tolist(), times.tolist()[1:], strict=False):
        count = max(1, round((end - begin) / step + 0.499))
        pace = (end - begin) / count
        for index in range(count):
            now = torch.tensor(begin + index * pace).to(start)
            noise = torch.randn(start.shape, generator=generator).to(start)
            state = state + pace * field(now, state) + pace**0.5 * spread(now, state) * noise
        states.append(state)
    return torch.stack(states)


def _check_times(times: Float[Tensor, " time"]) -> None:
    gaps = times.diff()
    if len(times) == 0 or not (bool((gaps > 0).all()) or bool((gaps < 0).all())):
        raise InvalidInputError(
            f"`times` must rise or fall strictly, got {[round(x, 4) for x in times.tolist()]}. "
            "Sort them, and keep one of equal ones."
        )
