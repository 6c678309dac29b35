"""Arrays in, numbers out: ghosting, memorisation."""

from sequela.metrics.ghosting import ghosting
from sequela.metrics.memorisation import Nearest, nearest

__all__ = ["Nearest", "ghosting", "nearest"]
