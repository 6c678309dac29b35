"""Transitions: the frames between neighbouring states, whose ends are the states themselves."""

from sequela.simulators.transition.animate import TRANSITIONS, WITH_WEIGHTS, animate, check_fps
from sequela.simulators.transition.bridge import Bridge, bridge_again
from sequela.simulators.transition.confine import OUTSIDE, Confinement
from sequela.simulators.transition.draw import Transitions
from sequela.simulators.transition.engine import (
    ENGINES,
    Carded,
    Continuous,
    Engine,
    EngineSetup,
    Regional,
    make_engine,
)

__all__ = [
    "ENGINES",
    "OUTSIDE",
    "TRANSITIONS",
    "WITH_WEIGHTS",
    "Bridge",
    "Carded",
    "Confinement",
    "Continuous",
    "Engine",
    "EngineSetup",
    "Regional",
    "Transitions",
    "animate",
    "bridge_again",
    "check_fps",
    "make_engine",
]
