"""Solvers against exact solutions, and their order by regression."""

import math

import numpy as np
import pytest
import torch

from sequela.core import InvalidInputError, UnknownNameError
from sequela.dynamics import Solver, solve_ode, solve_sde

TURN = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
START = torch.tensor([1.0, 0.0], dtype=torch.float64)


def turning(time, state):
    return state @ TURN.T


def exact(time):
    return torch.tensor([math.cos(time), -math.sin(time)], dtype=torch.float64)


@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("midpoint", 2), ("rk4", 4)])
def test_the_error_falls_with_the_step_at_the_solver_s_order(name, order):
    steps = [0.2, 0.1, 0.05, 0.025]
    times = torch.tensor([0.0, 1.0], dtype=torch.float64)
    errors = [
        (solve_ode(turning, START, times, Solver(name=name, step=h))[-1] - exact(1.0)).norm()
        for h in steps
    ]
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.15)


def test_a_linear_field_is_solved_to_its_exponential():
    matrix = torch.tensor([[-0.3, 0.2], [0.1, -0.5]], dtype=torch.float64)
    times = torch.tensor([0.0, 0.4, 1.3, 6.0], dtype=torch.float64)
    made = solve_ode(lambda t, x: x @ matrix.T, START, times, Solver(rtol=1e-9, atol=1e-11))
    wanted = torch.stack([torch.linalg.matrix_exp(time * matrix) @ START for time in times])
    torch.testing.assert_close(made, wanted, atol=1e-8, rtol=0)


def test_going_back_returns_to_the_start():
    there = solve_ode(turning, START, torch.tensor([0.0, 2.0]), Solver(rtol=1e-9, atol=1e-11))[-1]
    back = solve_ode(turning, there, torch.tensor([2.0, 0.0]), Solver(rtol=1e-9, atol=1e-11))[-1]
    torch.testing.assert_close(back, START, atol=1e-7, rtol=0)


def test_the_adjoint_s_gradient_is_that_of_the_solver():
    gradients = []
    for is_adjoint in (False, True):
        field = torch.nn.Linear(2, 2, dtype=torch.float64)
        with torch.no_grad():
            field.weight.copy_(0.3 * TURN)
            field.bias.zero_()

        class Module(torch.nn.Module):
            def __init__(self, inner):
                super().__init__()
                self.inner = inner

            def forward(self, time, state):
                return self.inner(state)

        solver = Solver(rtol=1e-8, atol=1e-10, is_adjoint=is_adjoint)
        times = torch.tensor([0.0, 1.0], dtype=torch.float64)
        solve_ode(Module(field), START, times, solver)[-1].square().sum().backward()
        gradients.append(field.weight.grad)
    torch.testing.assert_close(*gradients, atol=1e-6, rtol=1e-5)


def test_the_noise_of_a_sample_grows_as_the_root_of_time():
    start = torch.zeros(20_000)
    draw = torch.Generator().manual_seed(0)
    times = torch.tensor([0.0, 1.0, 4.0])
    made = solve_sde(
        lambda t, x: torch.zeros_like(x),
        lambda t, x: 0.5 * torch.ones_like(x),
        start,
        times,
        draw,
        0.3,
    )
    assert made.std(dim=1).tolist() == pytest.approx([0, 0.5, 1.0], abs=0.02)


def test_a_sample_without_noise_is_the_ordinary_path():
    times = torch.tensor([0.0, 1.0], dtype=torch.float64)
    made = solve_sde(turning, lambda t, x: 0 * x, START, times, torch.Generator(), 0.01)
    euler = solve_ode(turning, START, times, Solver(name="euler", step=0.01))
    torch.testing.assert_close(made, euler, atol=1e-6, rtol=0)


@pytest.mark.parametrize("times", [[0.0, 1.0, 1.0], [0.0, 2.0, 1.0], []])
def test_times_that_repeat_or_turn_are_refused(times):
    with pytest.raises(InvalidInputError, match="`times` must rise or fall strictly"):
        solve_ode(turning, START, torch.tensor(times), Solver())


def test_an_unknown_solver_is_named():
    with pytest.raises(UnknownNameError, match="dopri5"):
        Solver(name="dopri")
