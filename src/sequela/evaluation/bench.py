"""Bench: one domain's editors, company and images, loaded once in each process."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float
from torch import Tensor

from sequela.backbones import load_backbone
from sequela.checkpoints import find_model
from sequela.conditioning import auto_region
from sequela.core import Condition, Region, Scan, State, hash_bytes
from sequela.diffusion import Backbone
from sequela.evaluation.cells import SIDE, Cell, CellKey, read_cell, write_cell
from sequela.evaluation.methods import METHODS, Company
from sequela.evaluation.protocol import DomainTask, Entrant
from sequela.evaluation.simulate import Job, Made
from sequela.evaluation.subjects import Subjects
from sequela.imaging import channels_first, resize, to_model_range
from sequela.io import read_scan
from sequela.metrics import ghosting
from sequela.metrics.drift import drift
from sequela.render import to_display, viewing_size
from sequela.simulators.baselines import Task, class_direction, progressive
from sequela.simulators.editing import ProgressiveEditing, ProgressiveEditor

_USES_COMPANY = ("style", "crossfade")
_CENTRE = 0.35  # radius of the uninformed region, as a share of the shorter side


@dataclass(eq=False)
class Bench:
    """All that is loaded once for one domain."""

    task: DomainTask
    subjects: Subjects
    backbone: Backbone
    _direction: Tensor | None = field(default=None, init=False)
    _ill: list[Scan] | None = field(default=None, init=False)

    def cells(self, job: Job, folder: Path) -> list[Made]:
        """The cells of one image under one seed; those that are there already are kept."""
        scan = read_scan(job.example.path)
        bout = _Bout(self, scan, job.seed)
        made: list[Made] = []
        for entrant in job.entrants:
            key = self.key(scan, job.seed, entrant)
            if read_cell(folder, key) is None:
                write_cell(folder, key, bout.cell(entrant))
            made.append(
                Made(task=job.task, example=job.example, seed=job.seed, entrant=entrant, key=key)
            )
        return made

    def key(self, scan: Scan, seed: int, entrant: Entrant) -> CellKey:
        """What decides this cell."""
        card = self.backbone.card
        company = ""
        if entrant.method in _USES_COMPANY:
            names = [e.path.name for e in (*self.subjects.healthy, *self.subjects.ill)]
            company = hash_bytes("\n".join(names).encode())
        return CellKey(
            domain=self.task.name,
            model=f"{card.get('name')} {card.get('sha256')}",
            image=scan.source.sha256,
            seed=seed,
            target=self.task.target,
            entrant={
                "method": entrant.method,
                "settings": entrant.editing(self.task.model).to_json(),
                "region": entrant.region,
            },
            company=company,
        )

    def editor(self, settings: ProgressiveEditing) -> ProgressiveEditor:
        """An editor on the domain's backbone."""
        return ProgressiveEditor(backbone=self.backbone, settings=settings, domain=self.task.name)

    def ill(self) -> list[Scan]:
        """Training images with the disease."""
        if self._ill is None:
            self._ill = [read_scan(e.path) for e in self.subjects.ill]
        return self._ill

    def direction(self) -> Tensor:
        """From healthy to ill in latent space."""
        if self._direction is None:
            healthy = [read_scan(e.path) for e in self.subjects.healthy]
            self._direction = class_direction(
                self.editor(ProgressiveEditing()), healthy, self.ill()
            )
        return self._direction


@cache
def bench_of(task: DomainTask, subjects: Subjects) -> Bench:
    """The bench of a domain in this process."""
    return Bench(task=task, subjects=subjects, backbone=load_backbone(find_model(task.model)))


@dataclass(eq=False)
class _Bout:
    """One image under one seed: what several entrants share is made once."""

    bench: Bench
    scan: Scan
    seed: int
    _edited: dict[str, tuple[State, ...]] = field(default_factory=dict, init=False)
    _regions: dict[str, Region | None] = field(default_factory=dict, init=False)

    def cell(self, entrant: Entrant) -> Cell:
        """What the entrant makes of the image."""
        editor = self.bench.editor(entrant.editing(self.bench.task.model))
        task = self.task(entrant)
        company = Company(
            direction=self.bench.direction,
            ill=self.bench.ill,
            others=[n for n in editor.vocabulary.findings if n != self.bench.task.target],
            progressive=lambda: self._progressive(editor, task, entrant),
        )
        states = METHODS[entrant.method](editor, task, company)
        effective = editor.case(self.scan, task.region, None).effective
        return Cell(
            states=np.stack([self._small(state.image) for state in states]),
            region=_small_mask(effective),
            figures=full_size_figures(self.scan, states, effective),
        )

    def task(self, entrant: Entrant) -> Task:
        """The same for all entrants with the same kind of region."""
        if entrant.region not in self._regions:
            self._regions[entrant.region] = self._region(entrant.region)
        words = self.bench.editor(ProgressiveEditing()).vocabulary
        asked = Condition(findings=(words.finding(self.bench.task.target),))
        return Task(
            scan=self.scan,
            condition=asked,
            region=self._regions[entrant.region],
            seed=self.seed,
        )

    def _progressive(
        self, editor: ProgressiveEditor, task: Task, entrant: Entrant
    ) -> tuple[State, ...]:
        name = f"{editor.settings} {entrant.region}"
        if name not in self._edited:
            self._edited[name] = progressive(editor, task)
        return self._edited[name]

    def _region(self, kind: str) -> Region | None:
        if kind == "none":
            return None
        if kind == "centre":
            return Region(array=_disc(self.scan.plane), origin="centre")
        domain = self.bench.task
        return auto_region(self.scan, domain.name, (domain.target,)).region

    def _small(self, image: np.ndarray) -> np.ndarray:
        return viewing_size(to_display(image, self.scan.window), SIDE)


def full_size_figures(
    scan: Scan, states: tuple[State, ...], effective: Float[np.ndarray, "height width"]
) -> dict[str, list[float]]:
    """Mean |change| inside the region and largest outside, by state; ghosting of the last one.

    Changes are shares of the window.
    """
    width = scan.window.high - scan.window.low
    first = channels_first(scan.array)
    drifts = [drift(first, channels_first(s.image), effective, data_range=width) for s in states]
    return {
        "change": [d.mean_inside for d in drifts],
        "outside": [d.largest_outside for d in drifts],
        "ghosting": [_ghosting(scan, states[-1])],
    }


def _ghosting(scan: Scan, state: State) -> float:
    """On the model's scale of 2, where a twentieth of the window has moved."""
    first, last = (
        channels_first(to_model_range(x, scan.window)).mean(0) for x in (scan.array, state.image)
    )
    return ghosting(first, last, blur_px=max(scan.plane) / 64, moved=0.1)


def _small_mask(mask: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "h w"]:
    scale = min(1.0, SIDE / max(mask.shape))
    space = (max(1, round(mask.shape[0] * scale)), max(1, round(mask.shape[1] * scale)))
    return np.asarray(np.clip(resize(mask[None], space)[0], 0, 1), np.float16)


def _disc(plane: tuple[int, int]) -> Float[np.ndarray, "height width"]:
    down, across = np.mgrid[0 : plane[0], 0 : plane[1]]
    away = np.hypot(down - plane[0] / 2, across - plane[1] / 2)
    return np.asarray(away < _CENTRE * min(plane), np.float32)
