"""Instructions: what is asked for, from findings and reports, and how it lands on a scan.

Whoever asks fills them in once; `on(scan)` turns them into a `Brief` for each scan: the condition,
where change is allowed, what is protected, and a sentence for every decision taken on the way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sequela.conditioning.brief import Brief, told
from sequela.conditioning.devices import Devices, find_devices, protected_region
from sequela.conditioning.placing import place_region
from sequela.conditioning.regions import (
    PROVIDERS,
    Box,
    Point,
    RegionRequest,
    quality,
    restrict,
)
from sequela.conditioning.reports import Report, ReportedFinding, new_findings, weight
from sequela.conditioning.vocabulary import Vocabulary, vocabulary_of
from sequela.core import Condition, Finding, InvalidInputError, Region, Scan
from sequela.imaging import quantise

AUTO, NONE = "auto", "none"
_MOST_HARDWARE = 0.12  # share of a film that hardware covers at most; a large housing is 0.03


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One finding that is asked for.

    Attributes:
        name: As typed or as the report has it; the vocabulary makes it canonical.
        weight: Share of the guidance it gets.
        region: Where it may appear, as drawn by someone; None leaves it to the provider.
        side: The patient's `left`, `right` or `both`; None says nothing.
        place: Such as `lower lobe`; "" says nothing.
    """

    name: str
    weight: float = 1.0
    region: Region | None = None
    side: str | None = None
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Instructions:
    """What is asked for, before any scan is looked at.

    Attributes:
        domain: Whose words and regions are meant.
        wishes: Findings named by the user.
        prompt: Text for the text encoder as it is, or None.
        negative_prompt: What to steer away from; "" leaves it to report and preset.
        report: What the patient shall come to have, or None.
        baseline: What the patient has already, or None.
        region: A drawn region, or the name of a provider: `auto`, `none`, `sam` ...
        boxes: Where a provider shall look, in pixels of the scan.
        points: Pixels that belong to the region.
        region_model: Weights of the provider, where it needs any.
        protect: A drawn region, `auto` for the hardware found on the scan, or `none`.
    """

    domain: str = "chest"
    wishes: tuple[Wish, ...] = ()
    prompt: str | None = None
    negative_prompt: str = ""
    report: Report | None = None
    baseline: Report | None = None
    region: Region | str = AUTO
    boxes: tuple[Box, ...] = ()
    points: tuple[Point, ...] = ()
    region_model: str | None = None
    protect: Region | str = AUTO

    def __post_init__(self) -> None:
        if not (self.wishes or self.prompt is not None or self.report is not None):
            raise InvalidInputError(
                "`--disease` must name what to simulate, but nothing was asked. For example: "
                "--disease pneumonia, --finding effusion:0.8, --report note.txt or --prompt TEXT."
            )
        for wish in self.wishes:  # a misspelt finding must not wait for the model to load
            self.vocabulary.canonical(wish.name)
        for report in (self.report, self.baseline):
            if report is not None and report.domain != self.domain:
                raise InvalidInputError(
                    f"`report` must be about {self.vocabulary.title}, got one about "
                    f"{vocabulary_of(report.domain).title}. Give the report of this image."
                )
        if isinstance(self.region, str) and self.region not in (AUTO, NONE):
            PROVIDERS.get(self.region)

    @property
    def vocabulary(self) -> Vocabulary:
        """The words of the domain."""
        return vocabulary_of(self.domain)

    def all_wishes(self) -> tuple[Wish, ...]:
        """Those of the user, then those of the report that the baseline does not have."""
        if self.report is None:
            return self.wishes
        reported = tuple(
            Wish(name=f.name, weight=weight(f), side=f.side, place=f.place)
            for f in new_findings(self.baseline, self.report).asked
        )
        return (*self.wishes, *reported)

    def on(self, scan: Scan) -> Brief:
        """The brief for one scan.

        Raises:
            GeometryMismatchError: A drawn region has another shape ratio than the scan.
            InvalidInputError: A box or point lies outside the scan, or nothing new is asked for.
        """
        self._request(()).check(scan)
        notes: list[str] = []
        wishes, away = self._wanted(notes)
        findings, region = self._placed(scan, wishes, notes)
        devices, protected = self._protection(scan, notes)
        return Brief(
            condition=Condition(findings=findings, negative_prompt=self.negative_prompt or away),
            region=region,
            protected=protected,
            devices=devices,
            named_devices=() if self.report is None else self.report.devices,
            understood=self._understood(),
            notices=tuple(notes),
        )

    def without_finders(self) -> "Instructions":
        """The same with everything left out that would have to be searched for on the scan."""
        return replace(
            self,
            region=NONE if isinstance(self.region, str) else self.region,
            protect=NONE if isinstance(self.protect, str) else self.protect,
        )

    def _wanted(self, notes: list[str]) -> tuple[tuple[Wish, ...], str]:
        """What to ask for, and what to steer away from because it has gone."""
        wishes = self.all_wishes()
        if self.report is None:
            return wishes, ""
        change = new_findings(self.baseline, self.report)
        if change.kept:
            notes.append(
                f"Not asked for again, because the baseline report has it: {_names(change.kept)}."
            )
        if change.resolved and wishes:
            notes.append(f"Steered away from, because it has gone: {_names(change.resolved)}.")
            return wishes, self.vocabulary.prompt({f.name for f in change.resolved})
        if not wishes and self.prompt is None:
            if not change.resolved and change.kept:
                raise InvalidInputError(
                    "`--report` must tell of a change, but all it finds "
                    f"({_names(change.kept)}) is in the baseline report already. "
                    "Name what shall change with --finding."
                )
            reference = self.vocabulary.reference
            notes.append(f"The report asks for nothing but {reference!r}, so that is simulated.")
            return (Wish(name=reference),), ""
        return wishes, ""

    def _placed(
        self, scan: Scan, wishes: Sequence[Wish], notes: list[str]
    ) -> tuple[tuple[Finding, ...], Region | None]:
        """Findings with their regions, and the region that holds them all."""
        names = [self.vocabulary.canonical(wish.name) for wish in wishes]
        own: list[Region | None] = [self._drawn(wish, scan, notes) for wish in wishes]
        if self.region == AUTO:
            places = [
                region or self._found(scan, name, wish, notes)
                for name, wish, region in zip(names, wishes, own, strict=True)
            ]
            found = _union(places) if places else self._found(scan, None, None, notes)
            whole: Region | None = _noted(found, quality(found, scan, self.domain), notes)
            # one finding needs no composition: its region is the whole region
            own = [None] if len(places) == 1 and self.prompt is None else [*places]
        else:
            whole = self._base(scan, tuple(names), notes)
        findings = [
            self.vocabulary.finding(name, weight=wish.weight, region=region)
            for name, wish, region in zip(names, wishes, own, strict=True)
        ]
        if self.prompt is not None:
            findings.append(Finding(name="prompt", text=self.prompt))
        return tuple(findings), whole

    def _drawn(self, wish: Wish, scan: Scan, notes: list[str]) -> Region | None:
        """The finding's own region as somebody drew it, on the scan's grid."""
        if wish.region is None:
            return None
        return _noted(*place_region(wish.region, scan), notes)

    def _found(self, scan: Scan, name: str | None, wish: Wish | None, notes: list[str]) -> Region:
        """Where the finding usually shows on this scan, on the side and at the place asked for."""
        request = self._request(() if name is None else (name,))
        found = PROVIDERS.get(AUTO).make(scan, request)
        region = _noted(found.region, found.notice, notes)
        if wish is None or (wish.side in (None, "both") and not wish.place):
            return region
        part = restrict(region, scan, self.domain, side=wish.side, place=wish.place)
        return _noted(part.region, part.notice, notes)

    def _base(self, scan: Scan, names: tuple[str, ...], notes: list[str]) -> Region | None:
        """The region of the simulation where it is not left to the domain's own finder."""
        if self.region == NONE:
            return None
        if isinstance(self.region, Region):
            region = _noted(*place_region(self.region, scan), notes)
        else:
            found = PROVIDERS.get(self.region).make(scan, self._request(names))
            region = _noted(found.region, found.notice, notes)
        return _noted(region, quality(region, scan, self.domain), notes)

    def _request(self, names: tuple[str, ...]) -> RegionRequest:
        return RegionRequest(
            domain=self.domain,
            findings=names,
            boxes=self.boxes,
            points=self.points,
            model=self.region_model,
        )

    def _protection(self, scan: Scan, notes: list[str]) -> tuple[Devices | None, Region | None]:
        """What must stay, and the hardware that was looked for."""
        if isinstance(self.protect, Region):
            return None, _noted(*place_region(self.protect, scan), notes)
        if self.protect == NONE or self.domain != "chest":
            return None, None
        devices = find_devices(scan)
        if not devices.parts:
            return devices, None
        if devices.mask.mean() > _MOST_HARDWARE:
            notes.append(
                f"What looks like hardware covers {devices.mask.mean():.0%} of {scan.source.name}, "
                "which is not plausible, so nothing is protected. Draw what to protect."
            )
            return None, None
        notes.append(
            f"Hardware was found on {scan.source.name} ({devices.summary}) and stays as it is. "
            "Let it change with --protect none, or draw what to protect."
        )
        return devices, protected_region(devices, scan)

    def _understood(self) -> dict[str, Any]:
        """What the reports were taken to say, as JSON values."""
        reports = {"report": self.report, "baseline_report": self.baseline}
        return {name: told(report) for name, report in reports.items() if report is not None}


def _union(regions: Sequence[Region]) -> Region:
    """Everything that any of the regions covers."""
    origins = list(dict.fromkeys(region.origin for region in regions))
    array = np.maximum.reduce([region.array for region in regions])
    return Region(array=quantise(array), origin=", ".join(origins))


def _noted(region: Region, notice: str | None, notes: list[str]) -> Region:
    """The region; its notice joins the others once."""
    if notice and notice not in notes:
        notes.append(notice)
    return region


def _names(findings: Sequence[ReportedFinding]) -> str:
    return ", ".join(dict.fromkeys(finding.name for finding in findings))
