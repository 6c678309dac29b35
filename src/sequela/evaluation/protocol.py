"""Protocol: what is compared, on which images, by which judge; read from one TOML file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from sequela.checkpoints import preset_of
from sequela.core import InvalidInputError
from sequela.core.checks import check_choice, check_count
from sequela.core.toml_files import read_toml, section
from sequela.evaluation.methods import METHODS
from sequela.simulators.editing import PRESETS, ProgressiveEditing, preset

REGIONS = ("auto", "none", "centre")


@dataclass(frozen=True, kw_only=True)
class DomainTask:
    """The images of one domain and what they are edited towards.

    Attributes:
        name: `chest`, `fundus` or `skin`.
        sets: Cohorts; those of their images that show nothing are edited.
        target: The finding asked for.
        judge: A bundled classifier's name or a file; it must never have guided an edit.
        caveat: What the judge's own checks found against it; printed above its scores.
        model: A bundled model, a folder or a hub id.
        identity: A bundled identity judge's name or a file; "" leaves identity out.
        views: Only these views; empty takes all.
        split: Held out: `val` while tuning, `test` to report.
        images: How many at most.
        one_a_patient: Leave further images of the same patient out.
        ill: Findings that count as the disease in real images, joined by `|`; "" is the target.
        others: Of the training split, the images that averages and cross-fades are made from.
    """

    name: str
    sets: tuple[str, ...]
    target: str
    judge: str
    model: str
    caveat: str = ""
    identity: str = ""
    views: tuple[str, ...] = ()
    split: str = "test"
    images: int = 36
    one_a_patient: bool = True
    ill: str = ""
    others: int = 100

    def __post_init__(self) -> None:
        check_choice("split", self.split, ("val", "test"))
        check_count("images", self.images)
        check_count("others", self.others)


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """One row of a table: a method with its settings.

    Attributes:
        label: Its name in tables, unique in its table.
        method: A name in `METHODS`.
        table: Which table it stands in; the first entrant of each is what others are paired with.
        preset: Settings of progressive editing to start from; "" takes those that suit the model.
        settings: Fields of `ProgressiveEditing` that differ from the preset.
        region: `auto`, `none`, or `centre`, a disc in the middle that knows nothing.
        domains: Only these; empty takes all.
        images: Fewer images than the domain has; 0 takes all.
        paper: Figures that the paper prints for it, by domain and column.
    """

    label: str
    method: str = "progressive-editing"
    table: str = "methods"
    preset: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    region: str = "auto"
    domains: tuple[str, ...] = ()
    images: int = 0
    paper: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choice("method", self.method, METHODS)
        check_choice("preset", self.preset, ("", *PRESETS))
        check_choice("region", self.region, REGIONS)
        for name in self.settings:
            check_choice("settings", name, [f.name for f in fields(ProgressiveEditing)])
        preset(self.preset).changed(**self.settings)  # a wrong value must not wait for an image

    def editing(self, model: str) -> ProgressiveEditing:
        """The settings of its editor on a model."""
        return preset(self.preset or preset_of(model)).changed(**self.settings)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """An ablation: one setting of progressive editing at several values, each an entrant.

    Attributes:
        table: Its name.
        setting: A field of `ProgressiveEditing`.
        values: What it takes in turn.
        domains: Only these; empty takes all.
        images: Fewer images than the domain has; 0 takes all.
        settings: Further fields, the same for all values.
        preset: What to start from; "" is what suits the model.
    """

    table: str
    setting: str
    values: tuple[Any, ...]
    domains: tuple[str, ...] = ()
    images: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    preset: str = ""

    def entrants(self) -> list[Entrant]:
        """One for each value."""
        return [
            Entrant(
                label=f"{self.setting} {value}",
                table=self.table,
                preset=self.preset,
                settings={**self.settings, self.setting: value},
                domains=self.domains,
                images=self.images,
            )
            for value in self.values
        ]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A whole comparison.

    Attributes:
        name: Of the study.
        domains: What it is done on.
        entrants: What is compared, grids expanded.
        seeds: Each image is simulated once with each.
    """

    name: str
    domains: tuple[DomainTask, ...]
    entrants: tuple[Entrant, ...]
    seeds: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        for name, given in (("domains", self.domains), ("entrants", self.entrants)):
            if not given:
                raise InvalidInputError(f"`{name}` of a protocol must hold at least one, got none.")
        if not self.seeds:
            raise InvalidInputError("`seeds` must hold at least one seed, got none. Give [0].")
        for seed in self.seeds:
            check_count("seeds", seed, minimum=0)
        rows = [(e.table, e.label) for e in self.entrants]
        twice = sorted({row for row in rows if rows.count(row) > 1})
        if twice:
            raise InvalidInputError(
                f"`label` must be unique within a table, got {twice[0]} twice. Rename one."
            )


def read_protocol(path: Path) -> Protocol:
    """Read a protocol; unknown keys, unknown names and a missing file are one sentence each."""
    values = read_toml(path, "protocol")
    domains = [section(DomainTask, table, "domains") for table in values.pop("domains", [])]
    entrants = [section(Entrant, table, "entrants") for table in values.pop("entrants", [])]
    for table in values.pop("grids", []):
        entrants += section(Grid, table, "grids").entrants()
    return section(Protocol, {**values, "domains": domains, "entrants": entrants}, "protocol")
