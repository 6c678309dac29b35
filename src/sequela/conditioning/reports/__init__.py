"""Clinical reports, read into findings of the vocabulary."""

from sequela.conditioning.reports.change import Change, new_findings, weight
from sequela.conditioning.reports.report import (
    CERTAINTIES,
    SEVERITIES,
    SIDES,
    Report,
    ReportedFinding,
)
from sequela.conditioning.reports.rules import read_report
from sequela.conditioning.reports.stages import stages

__all__ = [
    "CERTAINTIES",
    "SEVERITIES",
    "SIDES",
    "Change",
    "Report",
    "ReportedFinding",
    "new_findings",
    "read_report",
    "stages",
    "weight",
]
