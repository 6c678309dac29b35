"""The lung-painter objective: from decoded forecasts and the given scans to the scan that came.

Both stages are frozen. What they say of random patients with random scans given is decoded once
and kept in memory; the painter learns from whole lungs.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sequela.core import CheckpointError
from sequela.simulators.lungs.engine import LungEngine
from sequela.simulators.lungs.forecaster import Forecaster
from sequela.simulators.lungs.painter import Painter, numbers_of, places_of, voxel_box
from sequela.simulators.lungs.store import load_codec, load_forecaster, save_forecaster
from sequela.training.lung_latents import given
from sequela.training.lung_scans import LungScans, scans_of
from sequela.training.lung_settings import LungPainterNetwork
from sequela.training.recipe import Recipe

_SCALE = 50.0  # of the squared error, so that it is about 1 when training begins


class PaintLoss(nn.Module):
    """The painter with its loss."""

    def __init__(self, painter: Painter) -> None:
        super().__init__()
        self.painter = painter

    def forward(
        self,
        scans: Float[Tensor, "batch 2 depth height width"],
        states: Float[Tensor, "batch 3 depth height width"],
        places: Float[Tensor, "batch 3 depth height width"],
        target: Float[Tensor, "batch depth height width"],
        numbers: Float[Tensor, "batch number"],
    ) -> dict[str, Tensor]:
        """Mean squared error in the lungs."""
        inside = (places[:, 0] > 0).float()
        error = (self.painter(scans, states, places, numbers) - target).square() * inside
        return {"loss": _SCALE * error.sum() / inside.sum().clamp(min=1)}


class LungPainterObjective:
    """Trains the painter of a trained forecaster."""

    def __init__(self, recipe: Recipe, train: LungScans, held_out: LungScans, out: Path) -> None:
        if not isinstance(recipe.network, LungPainterNetwork):
            raise TypeError("a lung-painter objective needs a lung-painter network section")
        self.recipe, self.settings = recipe, recipe.network
        self.codec = load_codec(_stage(out, self.settings.codec))[0]
        bare, self.card = load_forecaster(_stage(out, self.settings.forecast))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)  # inside the fork: the caller's state is left alone
            config = replace(
                bare.config,
                painter_width=self.settings.painter_width,
                is_painter_dated=self.settings.is_dated,
            )
            painter = Forecaster(config).painter
        if painter is None:
            raise TypeError("a painter has channels")
        self.networks = PaintLoss(painter)
        self.engine = LungEngine(codec=self.codec, forecaster=bare, detail="last")
        draw = torch.Generator().manual_seed(recipe.seed)
        self.train = self._examples(train, self.settings.examples, draw)
        self.held_out = self._examples(held_out, self.settings.held_out_examples, draw)

    @classmethod
    def of(cls, recipe: Recipe, out: Path) -> "LungPainterObjective":
        """The objective of a recipe, its scans kept beside `out`."""
        return cls(recipe, *scans_of(recipe, out), out)

    def batch(self, size: int, generator: torch.Generator, step: int) -> tuple[Tensor, ...]:
        """One example, mirrored or not: lungs differ in size; accumulate to see more at once."""
        del size, step
        chosen = int(torch.randint(len(self.train), (), generator=generator))
        is_mirrored = bool(torch.rand((), generator=generator) < 0.5)
        parts = (part.float()[None] for part in self.train[chosen])
        # numbers have no sides to be mirrored
        return tuple(part.flip(-1) if is_mirrored and part.ndim > 2 else part for part in parts)

    @torch.no_grad()
    def evaluate(self, averaged: Any, step: int, folder: Path) -> dict[str, float]:
        """Root mean squared errors in HU: last scan, plain sum, what is painted."""
        del step, folder
        sums = {"hu_persistence": 0.0, "hu_sum": 0.0, "hu_painted": 0.0}
        for example in self.held_out:
            scans, states, places, target, numbers = (part.float()[None] for part in example)
            inside = places[:, 0] > 0
            made = {
                "hu_persistence": scans[:, 1],
                "hu_sum": scans[:, 1] + states[:, 2] - states[:, 1],
                "hu_painted": averaged.painter(scans, states, places, numbers),
            }
            for name, volume in made.items():
                sums[name] += float((volume - target)[inside].square().mean())
        config = self.codec.config
        half = (config.high_hu - config.low_hu) / 2
        return {name: half * (total / len(self.held_out)) ** 0.5 for name, total in sums.items()}

    @torch.no_grad()
    def export(self, averaged: Any, folder: Path) -> None:
        """Write the forecaster with its painter."""
        bare = self.engine.forecaster
        whole = Forecaster(
            replace(
                bare.config,
                painter_width=self.settings.painter_width,
                is_painter_dated=self.settings.is_dated,
            )
        )
        state = {**bare.state_dict(), **_prefixed(averaged.painter.state_dict())}
        whole.load_state_dict(state)
        card = {**self.card, "painter_steps": self.recipe.optimiser.steps}
        save_forecaster(whole, folder.with_suffix(".safetensors"), card)

    @torch.no_grad()
    def _examples(
        self, side: LungScans, count: int, draw: torch.Generator
    ) -> list[tuple[Tensor, ...]]:
        """Scans, states, places, target and numbers of random patients, in half precision."""
        made: list[tuple[Tensor, ...]] = []
        while len(made) < count:
            person = int(torch.randint(len(side.histories), (), generator=draw))
            made += self._of_patient(side, person, draw)
        return made[:count]

    def _of_patient(
        self, side: LungScans, person: int, draw: torch.Generator
    ) -> list[tuple[Tensor, ...]]:
        history = side.histories[person]
        modes = self.settings.modes
        mode = modes[int(torch.randint(len(modes), (), generator=draw))]
        share = float(torch.rand((), generator=draw))
        seen = [i for i, known in enumerate(given(mode, len(history.years), share)) if known]
        asked = [i for i in range(len(history.years)) if i not in seen]
        if not asked:
            return []
        order = torch.randperm(len(asked), generator=draw).tolist()
        asked = [asked[i] for i in order[: self.settings.dates_each]]
        rows = [history.first_row + i for i in (*seen, *asked)]
        years = torch.tensor([history.years[i] for i in (*seen, *asked)])
        scans = torch.stack([side.volume(row) for row in rows[: len(seen)]])
        lungs = side.lung(history.first_row)
        facts, dates = _facts(self.engine, history.facts), years[: len(seen)]
        states = self.engine.decoded_states(scans, dates, lungs, years, facts=facts)
        told = self.engine.told(scans, dates, lungs, facts)
        box, last = voxel_box(lungs), len(seen) - 1
        shown = self.codec.to_model(scans[[0, last]])[(..., *box)].half()
        places = places_of(lungs)[(..., *box)].half()
        return [
            (
                shown,
                states[[0, last, index]][(..., *box)].half(),
                places,
                self.codec.to_model(side.target(rows[index]))[box].half(),
                numbers_of(float(dates[-1]), float(years[index]), told),
            )
            for index in range(len(seen), len(rows))
        ]


def _facts(engine: LungEngine, facts: dict[str, float]) -> Tensor:
    return torch.tensor([facts[name] for name in engine.forecaster.config.facts])


def _prefixed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"painter.{name}": value for name, value in state.items()}


def _stage(out: Path, name: str) -> Path:
    file = (out.parent / name).resolve() / "model.safetensors"
    if not file.is_file():
        raise CheckpointError(
            f"`{name}` must name a finished training, but {file} is not there. "
            "Run its recipe first, with --out beside this one's."
        )
    return file
