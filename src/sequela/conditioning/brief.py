"""Brief: what a simulator is told about one scan, and how a run says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sequela.conditioning.devices import Devices, invented_devices
from sequela.conditioning.reports import Report
from sequela.core import Condition, Region, Trajectory


@dataclass(frozen=True, kw_only=True)
class Brief:
    """What a simulator is told about one scan.

    Attributes:
        condition: Findings with text, weight and region.
        region: Where change is allowed; None is everywhere.
        protected: What stays as it is; None is nothing.
        devices: Hardware found on the baseline, or None where nobody looked.
        named_devices: Hardware that the reports name.
        understood: What the reports were taken to say, as JSON values; empty without a report.
        notices: One sentence for each decision the user did not take.
    """

    condition: Condition
    region: Region | None
    protected: Region | None
    devices: Devices | None = None
    named_devices: tuple[str, ...] = ()
    understood: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def explain(self, trajectory: Trajectory) -> Trajectory:
        """The trajectory with the brief's words in its record, and invented hardware named."""
        record = trajectory.record
        request = {**record.request, **({"told": self.understood} if self.understood else {})}
        notices = (*self.notices, *self._invented(trajectory), *record.notices)
        return replace(trajectory, record=replace(record, request=request, notices=notices))

    def _invented(self, trajectory: Trajectory) -> list[str]:
        if self.devices is None:
            return []
        found = []
        for branch in trajectory.branches:
            last = branch.states[-1]
            parts = invented_devices(trajectory.scan, last.image, self.devices, self.named_devices)
            if parts:
                kinds = ", ".join(sorted({part.kind for part in parts}))
                found.append(
                    f"Step {last.step} of {branch.id} shows hardware that neither the image nor a "
                    f"report has ({kinds}): it was invented."
                )
        return found


def told(report: Report) -> dict[str, Any]:
    """A report as JSON values."""
    return {
        "domain": report.domain,
        "provider": report.provider,
        "short": report.prompt,
        "findings": [
            {
                "name": f.name,
                "certainty": f.certainty,
                "severity": f.severity,
                "side": f.side,
                "place": f.place,
                "words": f.words,
            }
            for f in report.findings
        ],
        "devices": list(report.devices),
    }
