"""Arrays in, numbers out: ghosting, memorisation, ranking, calibration."""

from sequela.metrics.calibration import Platt, Reliability, reliability
from sequela.metrics.ghosting import ghosting
from sequela.metrics.memorisation import Nearest, nearest
from sequela.metrics.ranking import auroc, patient_interval

__all__ = [
    "Nearest",
    "Platt",
    "Reliability",
    "auroc",
    "ghosting",
    "nearest",
    "patient_interval",
    "reliability",
]
