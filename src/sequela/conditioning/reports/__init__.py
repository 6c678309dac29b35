"""Clinical reports, read into findings of the vocabulary."""

from sequela.conditioning.reports.report import (
    CERTAINTIES,
    SEVERITIES,
    SIDES,
    Report,
    ReportedFinding,
)

__all__ = ["CERTAINTIES", "SEVERITIES", "SIDES", "Report", "ReportedFinding"]
