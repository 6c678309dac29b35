"""Transitions: the frames between neighbouring states, whose ends are the states themselves."""

from sequela.simulators.transition.animate import TRANSITIONS, animate, check_fps

__all__ = ["TRANSITIONS", "animate", "check_fps"]
