"""Transitions: the frames between neighbouring states, whose ends are the states themselves."""

from sequela.simulators.transition.animate import TRANSITIONS, animate

__all__ = ["TRANSITIONS", "animate"]
