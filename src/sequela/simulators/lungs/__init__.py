"""Lung CT at any date: a 3-D VQ-GAN, a neural ODE on its codes, and both together."""

from sequela.simulators.lungs.codec import VolumeCodec
from sequela.simulators.lungs.config import (
    MINI_CODEC,
    MINI_FORECASTER,
    PAPER_CODEC,
    PAPER_FORECASTER,
    CodecConfig,
    ForecasterConfig,
)
from sequela.simulators.lungs.engine import LungEngine
from sequela.simulators.lungs.forecaster import Forecaster, Visits
from sequela.simulators.lungs.store import (
    load_codec,
    load_forecaster,
    save_codec,
    save_forecaster,
)

__all__ = [
    "MINI_CODEC",
    "MINI_FORECASTER",
    "PAPER_CODEC",
    "PAPER_FORECASTER",
    "CodecConfig",
    "Forecaster",
    "ForecasterConfig",
    "LungEngine",
    "Visits",
    "VolumeCodec",
    "load_codec",
    "load_forecaster",
    "save_codec",
    "save_forecaster",
]
