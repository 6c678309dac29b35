"""Nouns: scan, region, condition, state, branch, trajectory, record; errors, checks, registry.

The lowest room: it computes nothing, opens no file and imports nothing above it.
"""

from sequela.core.condition import Condition, Finding
from sequela.core.errors import (
    CheckpointError,
    EndpointError,
    GeometryMismatchError,
    InvalidInputError,
    MissingExtraError,
    OutputError,
    OutputExistsError,
    SequelaError,
    UnknownNameError,
    UnreadableFileError,
)
from sequela.core.frames import DrawnFrames
from sequela.core.record import DISCLAIMER, SCHEMA_VERSION, Record
from sequela.core.registry import Entry, Registry
from sequela.core.scan import Region, Scan, Source, Window, hash_bytes
from sequela.core.trajectory import DAYS_PER_YEAR, Branch, State, StateKind, Trajectory, Video

__all__ = [
    "DAYS_PER_YEAR",
    "DISCLAIMER",
    "SCHEMA_VERSION",
    "Branch",
    "CheckpointError",
    "Condition",
    "DrawnFrames",
    "EndpointError",
    "Entry",
    "Finding",
    "GeometryMismatchError",
    "InvalidInputError",
    "MissingExtraError",
    "OutputError",
    "OutputExistsError",
    "Record",
    "Region",
    "Registry",
    "Scan",
    "SequelaError",
    "Source",
    "State",
    "StateKind",
    "Trajectory",
    "UnknownNameError",
    "UnreadableFileError",
    "Video",
    "Window",
    "hash_bytes",
]
