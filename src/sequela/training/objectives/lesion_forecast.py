"""The lesion-forecast objective: counts from the trial's tables, masks from its images.

Counts learn by their likelihood; masks by the likelihood of every voxel behind all amounts of
noise, given the true count. Nothing but the patient's own arm is ever seen.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequela.checkpoints.single import read_single
from sequela.core.checks import check_choice
from sequela.simulators.lesions.calibrate import Followed, calibrate_clumping, calibrate_places
from sequela.simulators.lesions.levels import cosine_schedule, level_of, timesteps_of
from sequela.simulators.lesions.losses import place_loss, voxel_loss
from sequela.simulators.lesions.network import LesionForecaster, Level, Told
from sequela.simulators.lesions.places import free_voxels, seen_channels
from sequela.simulators.lesions.question import COVARIATES, UNKNOWN
from sequela.simulators.lesions.store import FORMAT, save_lesion_forecaster, take_over
from sequela.training.lesion_cases import Cases, CaseSettings, Form, draw_cases
from sequela.training.lesion_settings import LesionForecastNetwork
from sequela.training.objectives.lesion_loss import LesionLoss
from sequela.training.recipe import Recipe

SET = "synthetic-trial"
# seeds; those of tests and benchmarks lie below
CASES_FROM, FORMS_FROM, HELD_OUT_FROM = 1_000_000, 2_000_000, 3_000_000
_HELD_OUT_FORMS = 400  # the last ones


class LesionForecastObjective:
    """Trains the lesion forecaster on the known-truth trial."""

    def __init__(self, recipe: Recipe, cases: Cases, forms: Cases, held_out: Cases) -> None:
        if not isinstance(recipe.network, LesionForecastNetwork):
            raise TypeError("a lesion-forecast objective needs a lesion-forecast network section")
        self.recipe, self.settings = recipe, recipe.network
        self.cases, self.held_out = cases, held_out
        kept = max(1, len(forms) - _HELD_OUT_FORMS)
        self.rows = _rows((*cases.forms, *forms.forms[:kept]))
        self.held_out_rows = _rows(forms.forms[kept:] or held_out.forms)
        # a mask is only ever drawn for a count above 0; the U-Net must know empty ones too
        least = 0 if self.settings.is_deterministic else 1
        self.places = [
            [v for v, visit in enumerate(form.visits) if visit.lesions >= least]
            for form in cases.forms
        ]
        self.chosen = [index for index, visits in enumerate(self.places) if visits]
        self.schedule = cosine_schedule(self.settings.config.timesteps)
        _, self.high, *_, self.low = timesteps_of(self.schedule, 10)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)  # inside the fork: the caller's state is left alone
            self.networks = LesionLoss(self.settings)

    @classmethod
    def of(cls, recipe: Recipe, out: Path) -> "LesionForecastObjective":
        """The objective of a recipe, its patients kept beside `out`."""
        if not isinstance(recipe.network, LesionForecastNetwork):
            raise TypeError("a lesion-forecast objective needs a lesion-forecast network section")
        check_choice("sets", recipe.data.sets[0], (SET,))
        own = recipe.network
        plain = CaseSettings(
            first_seed=CASES_FROM,
            count=own.patients,
            visits=own.visits,
            longest_years=own.longest_years,
        )
        folder = out.parent / "cases"
        sides = (
            plain,
            replace(plain, first_seed=FORMS_FROM, count=own.forms, has_images=False),
            replace(plain, first_seed=HELD_OUT_FROM, count=own.held_out),
        )
        made = cls(recipe, *(draw_cases(side, folder) for side in sides))
        if own.start:
            file = (out.parent / own.start).resolve() / "model.safetensors"
            take_over(made.networks.forecaster, read_single(file, FORMAT)[0])
        return made

    def batch(self, size: int, generator: torch.Generator, step: int) -> tuple[Any, ...]:
        """Random patients, each with some visits behind some noise, and rows of the tables."""
        del step
        rng = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
        people = rng.choice(self.chosen, size)
        parts = [self._patient(self.cases, int(p), rng) for p in people]
        seen, present, free, truth, told = (list(part) for part in zip(*parts, strict=True))
        treatment, numbers, count = (torch.cat(column) for column in zip(*told, strict=True))
        masks = torch.cat(truth)
        noise = torch.randn(masks.shape, generator=generator)
        level = torch.stack(self._levels(len(masks), rng))
        if self.settings.is_deterministic:
            noise, level, count = self._without_noise(noise, count)
        return (
            torch.cat(seen), torch.stack(present), torch.stack(free), masks, noise, level,
            treatment, numbers, count, self._table(self.rows, rng, self.settings.form_rows),
        )  # fmt: skip

    def _patient(self, cases: Cases, index: int, rng: np.random.Generator) -> tuple[Any, ...]:
        visit, form = cases.visit(index), cases.forms[index]
        flip = bool(rng.random() < 0.5)  # lesions come to both sides alike

        def turned(x: Tensor) -> Tensor:
            return x.flip(-1) if flip else x

        visits = rng.choice(self.places[index], self.settings.draws)
        masks = [torch.from_numpy(cases.net2(index, int(v))).float() for v in visits]
        told = [self._told(form, int(v), rng) for v in visits]
        treatment, numbers = zip(*told, strict=True)
        counts = [float(form.visits[v].lesions) for v in visits]
        return (
            turned(seen_channels(visit)),
            torch.from_numpy(visit.present.astype(np.float32)),
            turned(torch.from_numpy(free_voxels(visit))[None]),
            turned(torch.stack(masks)[:, None]),
            (torch.tensor(treatment), torch.from_numpy(np.stack(numbers)), torch.tensor(counts)),
        )

    def _told(
        self, form: Form, visit: int, rng: np.random.Generator
    ) -> tuple[int, Float[np.ndarray, " number"]]:
        """Treatment and numbers, some of them left out."""
        question, burden = form.question(visit), form.burden
        hidden: dict[str, Any] = dict.fromkeys(
            n for n in COVARIATES if rng.random() < self.settings.fact_dropout
        )
        question = replace(question, **hidden)
        if rng.random() < self.settings.treatment_dropout:
            question = replace(question, treatment=UNKNOWN)
        if rng.random() < self.settings.fact_dropout:
            burden = replace(burden, enhancing=None)
        return question.treatment_index, np.concatenate([question.numbers, burden.numbers])

    def _table(
        self, rows: list[tuple[Form, int]], rng: np.random.Generator, size: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        chosen = [rows[i] for i in rng.integers(len(rows), size=size)]
        told = [self._told(form, visit, rng) for form, visit in chosen]
        treatment, numbers = zip(*told, strict=True)
        counts = [float(form.visits[visit].lesions) for form, visit in chosen]
        return torch.tensor(treatment), torch.from_numpy(np.stack(numbers)), torch.tensor(counts)

    def _levels(self, size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Noise levels: pure noise, and evenly all at which voxels come into sight."""
        ratio = (self.schedule.alpha / self.schedule.sigma).log().numpy()
        wanted = rng.uniform(ratio[self.high], ratio[self.low], size)
        steps = [int(np.abs(ratio - w).argmin()) for w in wanted]
        last = len(self.schedule) - 1
        steps = [last if rng.random() < self.settings.pure_noise else step for step in steps]
        level = level_of(self.schedule, steps)
        return level.signal, level.noise, level.share

    @staticmethod
    def _without_noise(noise: Tensor, count: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        none, whole = torch.zeros(len(count)), torch.ones(len(count))
        return torch.zeros_like(noise), torch.stack([none, whole, whole]), whole

    @torch.no_grad()
    def evaluate(self, averaged: Any, step: int, folder: Path) -> dict[str, float]:
        """Held-out losses: of counts, of places, of voxels behind pure, middling, little noise."""
        del step, folder
        forecaster: LesionForecaster = averaged.forecaster.eval()
        rng = np.random.default_rng(0)
        table = self._table(self.held_out_rows, rng, min(2000, len(self.held_out_rows)))
        counts = -forecaster.counts(*table[:2]).log_chance(table[2]).mean()
        figures = {"counts": [float(counts)]}
        steps = {
            "pure": len(self.schedule) - 1,
            "middling": (self.high + self.low) // 2,
            "little": self.low,
        }
        generator = torch.Generator().manual_seed(0)
        for index, form in enumerate(self.held_out.forms):
            visit = len(form.visits) - 1
            if not form.visits[visit].lesions:
                continue
            for name, loss in self._held_out(forecaster, index, visit, steps, generator).items():
                figures.setdefault(name, []).append(loss)
        return {name: float(np.mean(values)) for name, values in figures.items()}

    def _held_out(
        self,
        forecaster: LesionForecaster,
        index: int,
        visit: int,
        steps: dict[str, int],
        generator: torch.Generator,
    ) -> dict[str, float]:
        form, seen = self.held_out.forms[index], self.held_out.visit(index)
        free = torch.from_numpy(free_voxels(seen))[None, None]
        present = torch.from_numpy(seen.present.astype(np.float32))[None]
        known = forecaster.encode(seen_channels(seen), present, free)
        truth = torch.from_numpy(self.held_out.net2(index, visit)).float()[None, None]
        question = form.question(visit)
        numbers = np.concatenate([question.numbers, form.burden.numbers])
        told = Told(
            treatment=torch.tensor([question.treatment_index]),
            numbers=torch.from_numpy(numbers)[None],
        )
        count = torch.tensor([float(form.visits[visit].lesions)])
        losses = {"places": float(place_loss(known.base, truth * free))}
        for name, at in steps.items():
            level = level_of(self.schedule, [at])
            noise = torch.randn(truth.shape, generator=generator)
            shown = count
            if self.settings.is_deterministic:
                noise, stacked, shown = self._without_noise(noise, count)
                level = Level(signal=stacked[0], noise=stacked[1], share=stacked[2])
            noisy = level.signal * (2 * truth - 1) + level.noise * noise
            odds = forecaster(noisy, level, known, told, shown)
            losses[name] = float(voxel_loss(odds, truth, free.float(), count))
        return losses

    @torch.no_grad()
    def export(self, averaged: Any, folder: Path) -> None:
        """Write the forecaster with its card, calibrated on held-out patients."""
        if not self.settings.is_deterministic:
            patients = self._followed()
            calibrate_places(averaged.forecaster, patients)
            calibrate_clumping(averaged.forecaster, patients, voxels=self._voxels())
        card = {
            "name": self.recipe.name,
            "inputs": {
                "modality": "MR",
                "sequences": ["T1", "T2", "FLAIR", "PD", "T1-Gd"],
                "longest_years": self.settings.longest_years,
            },
            "data": {
                "sets": list(self.recipe.data.sets),
                "training_patients": len(self.cases),
                "training_forms": len(self.rows) // self.settings.visits,
                "held_out_patients": len(self.held_out),
            },
            "steps": self.recipe.optimiser.steps,
            "is_deterministic": self.settings.is_deterministic,
            **self.recipe.card,
        }
        save_lesion_forecaster(averaged.forecaster, folder.with_suffix(".safetensors"), card)

    def _followed(self) -> list[Followed]:
        """The first held-out patients, each at one of the visits in turn.

        Training patients would not do: their places are known too well.
        """
        some = range(min(self.settings.calibration_patients, len(self.held_out)))
        visits = self.settings.visits
        return [
            Followed(
                visit=self.held_out.visit(i),
                question=self.held_out.forms[i].question(visits - 1 - i % visits),
                truth=self.held_out.net2(i, visits - 1 - i % visits),
            )
            for i in some
        ]

    def _voxels(self) -> float:
        visits = [visit for form in self.cases.forms for visit in form.visits]
        return sum(len(v.voxels) for v in visits) / max(1, sum(v.lesions for v in visits))


def _rows(forms: tuple[Form, ...]) -> list[tuple[Form, int]]:
    return [(form, visit) for form in forms for visit in range(len(form.visits))]
