"""Sequela: simulate how disease would change a patient's medical images.

    import sequela

    scan = sequela.read("baseline.png")
    simulator = sequela.load("progressive-editing", model="chest-mini")
    trajectory = simulator.simulate(scan, condition="pneumonia", seed=0)
    trajectory.save("run/")

Everything it makes is synthetic, for research and education, never for the care of a patient.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sequela._version import __version__

if TYPE_CHECKING:
    from sequela.core import Condition, Finding, Region, Scan, SequelaError, Trajectory
    from sequela.doors import (
        animate,
        auto_region,
        bridge,
        brief,
        load,
        open_run,
        read,
        read_region,
        read_report,
        save,
    )
    from sequela.volume_doors import extrapolate, forecast

# Names come on first use: importing the package must not wait for torch.
_HOMES = {
    "Condition": "sequela.core",
    "Finding": "sequela.core",
    "Region": "sequela.core",
    "Scan": "sequela.core",
    "SequelaError": "sequela.core",
    "Trajectory": "sequela.core",
    "animate": "sequela.doors",
    "auto_region": "sequela.doors",
    "bridge": "sequela.doors",
    "brief": "sequela.doors",
    "extrapolate": "sequela.volume_doors",
    "forecast": "sequela.volume_doors",
    "load": "sequela.doors",
    "open_run": "sequela.doors",
    "read": "sequela.doors",
    "read_region": "sequela.doors",
    "read_report": "sequela.doors",
    "save": "sequela.doors",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'sequela' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


__all__ = [
    "Condition",
    "Finding",
    "Region",
    "Scan",
    "SequelaError",
    "Trajectory",
    "__version__",
    "animate",
    "auto_region",
    "bridge",
    "brief",
    "extrapolate",
    "forecast",
    "load",
    "open_run",
    "read",
    "read_region",
    "read_report",
    "save",
]
