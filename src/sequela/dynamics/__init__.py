"""How a latent moves in time: ConvGRU, neural ODE and SDE on volumes, interpolation in time."""

from sequela.dynamics.conv_gru import ConvGru, HistoryEncoder
from sequela.dynamics.fields import VectorField
from sequela.dynamics.solve import Solver, solve_ode, solve_sde
from sequela.dynamics.times import between, hold

__all__ = [
    "ConvGru",
    "HistoryEncoder",
    "Solver",
    "VectorField",
    "between",
    "hold",
    "solve_ode",
    "solve_sde",
]
