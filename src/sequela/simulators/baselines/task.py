"""Task: what every method of a comparison is given, the same for all of them."""

from collections.abc import Callable
from dataclasses import dataclass

from sequela.core import Condition, Region, Scan, State


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """One scan and what shall become of it.

    Attributes:
        scan: The baseline.
        condition: What is asked for.
        region: Where change is allowed; None allows it everywhere.
        seed: All noise follows it.
    """

    scan: Scan
    condition: Condition
    region: Region | None
    seed: int


Method = Callable[[Task], tuple[State, ...]]
"""A way to make states: the scan itself first, then as many as the editor takes steps."""
