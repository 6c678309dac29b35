"""The mathematics of denoising: schedule, solvers, guidance, inversion, addressed noise.

Knows no network: whatever fulfils `Backbone` can be driven by it.
"""

from sequela.diffusion.backbone import Backbone, Posterior, TextEmbedding
from sequela.diffusion.guidance import guided
from sequela.diffusion.inversion import invert
from sequela.diffusion.noise import NoiseSource
from sequela.diffusion.respacing import (
    Ancestral,
    even_timesteps,
    linear_schedule,
    respaced_betas,
)
from sequela.diffusion.schedule import (
    Prediction,
    Schedule,
    flow_schedule,
    scaled_linear_schedule,
    schedule_from_betas,
)
from sequela.diffusion.solvers import (
    SOLVERS,
    Ddim,
    DpmSolver,
    PublishedPndm,
    Solver,
    Stepper,
    solver_named,
)

__all__ = [
    "SOLVERS",
    "Ancestral",
    "Backbone",
    "Ddim",
    "DpmSolver",
    "NoiseSource",
    "Posterior",
    "Prediction",
    "PublishedPndm",
    "Schedule",
    "Solver",
    "Stepper",
    "TextEmbedding",
    "even_timesteps",
    "flow_schedule",
    "guided",
    "invert",
    "linear_schedule",
    "respaced_betas",
    "scaled_linear_schedule",
    "schedule_from_betas",
    "solver_named",
]
