"""The latent-forecast objective: from some of a patient's scans to the latents of all of them.

Source: Zhao et al., "4D-VQ-GAN", arXiv:2502.05713, section 2.2, with the weights of its code.
Departs from it: which scans are given is drawn anew each time; a stochastic forecaster learns by
the energy score of two samples (Gneiting and Raftery, JASA 2007, equation (22)). With
`voxel_weight`, decoded changes laid over the given scans are also held against the voxels of what
came, through the frozen decoder.
"""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from sequela.core import CheckpointError
from sequela.simulators.lungs.engine import DETAILS, LungEngine
from sequela.simulators.lungs.forecaster import Forecaster, Visits
from sequela.simulators.lungs.store import load_codec, save_forecaster
from sequela.training.forecast_loss import ForecastLoss
from sequela.training.lung_latents import LatentScans, collate, crops_of, given, latent_scans
from sequela.training.lung_scans import LungScans, scans_of
from sequela.training.lung_settings import LungForecastNetwork
from sequela.training.recipe import Recipe

_FAR_YEARS = 1.0  # held-out figures tell of scans at least so long after the last one given
_DECODED = 6  # held-out patients whose forecasts are decoded


class LatentForecastObjective:
    """Trains the forecaster on the latents of a frozen codec."""

    def __init__(self, recipe: Recipe, train: LungScans, held_out: LungScans, out: Path) -> None:
        if not isinstance(recipe.network, LungForecastNetwork):
            raise TypeError("a latent-forecast objective needs a latent-forecast network section")
        settings = self.settings = recipe.network
        self.recipe = recipe
        file = (out.parent / settings.codec).resolve() / "model.safetensors"
        if not file.is_file():
            raise CheckpointError(
                f"`codec` must name a finished vqgan training, but {file} is not there. "
                "Run its recipe first, with --out beside this one's."
            )
        self.codec, self.codec_card = load_codec(file)
        self.train, self.held_out = (
            latent_scans(
                scans,
                self.codec,
                out / f"latents-{side}.safetensors",
                facts=settings.facts,
                is_quantised=settings.is_quantised,
            )
            for side, scans in (("train", train), ("held-out", held_out))
        )
        # spread of the latents in the lungs, one number, so that steps suit any codec
        in_lungs = self.train.latents.movedim(1, -1)[self._inside_of(self.train)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)  # inside the fork: the caller's state is left alone
            forecaster = Forecaster(
                settings.forecaster(
                    latent_channels=self.train.latents.shape[1],
                    latent_scale=round(float(in_lungs.std()), 4),
                )
            )
        self.networks = ForecastLoss(forecaster, settings, self.codec)

    @classmethod
    def of(cls, recipe: Recipe, out: Path) -> "LatentForecastObjective":
        """The objective of a recipe, its scans kept beside `out`."""
        return cls(recipe, *scans_of(recipe, out), out)

    def batch(self, size: int, generator: torch.Generator, step: int) -> tuple[Any, ...]:
        """All scans of random patients, and which of them are given."""
        people = torch.randint(len(self.train.inside), (size,), generator=generator).tolist()
        modes = torch.randint(len(self.settings.modes), (size,), generator=generator).tolist()
        dropped = torch.rand(size, generator=generator) < self.settings.fact_dropout
        counts = torch.rand(size, generator=generator).tolist()
        seen = [
            given(self.settings.modes[mode], len(self.train.scans.histories[p].years), share)
            for p, mode, share in zip(people, modes, counts, strict=True)
        ]
        parts = collate(self.train, people, seen)
        facts = parts[-1] * (~dropped)[:, None]
        if self.settings.is_measured:
            facts = torch.cat([facts, self.train.measured(people, seen)], dim=1)
        batch = (*parts[:-1], facts, generator.initial_seed() % 2**31)
        if self.settings.voxel_weight > 0 and step >= self.settings.voxel_from:
            sides = self.settings.voxel_crop
            return *batch, *crops_of(self.train, self.codec, people, seen, sides, generator)
        return batch

    @torch.no_grad()
    def evaluate(self, averaged: Any, step: int, folder: Path) -> dict[str, float]:
        """Held-out latents and scans, of which the first two scans are given.

        Errors are shares of what the last given scan makes; in HU they are root mean squares.
        """
        del step, folder
        forecaster = averaged.forecaster.eval()
        model: list[Tensor] = []
        last: list[Tensor] = []
        for person, history in enumerate(self.held_out.scans.histories):
            seen = given("extrapolation", len(history.years), 0.0)
            latents, _, is_seen, _, years, inside, facts = collate(self.held_out, [person], [seen])
            if self.settings.is_measured:
                facts = torch.cat([facts, self.held_out.measured([person], [seen])], dim=1)
            visits = Visits(latents=latents, is_seen=is_seen, years=years, facts=facts)
            made = forecaster(visits, years)
            final = max(i for i, known in enumerate(seen) if known)
            far = years[0] >= years[0, final] + _FAR_YEARS
            for error, kept in ((made, model), (latents[:, final : final + 1], last)):
                squares = (error - latents).square()[0, far].sum(dim=1)
                kept.append(squares[:, inside[0]].flatten())
        ratio = torch.cat(model).mean() / torch.cat(last).mean()
        return {"latent_mse": float(torch.cat(model).mean()), "of_last": float(ratio)} | (
            self._decoded(forecaster)
        )

    def _decoded(self, forecaster: Forecaster) -> dict[str, float]:
        engines = {
            detail: LungEngine(codec=self.codec, forecaster=forecaster, detail=detail)
            for detail in DETAILS
            if detail != "painted" or forecaster.painter is not None
        }
        squares: dict[str, list[float]] = {name: [] for name in ("persistence", *engines)}
        for person in range(min(_DECODED, len(self.held_out.inside))):
            history = self.held_out.scans.histories[person]
            years = torch.tensor(history.years)
            seen = torch.tensor(given("extrapolation", len(years), 0.0))
            far = ~seen & (years >= years[seen][-1] + _FAR_YEARS)
            if not bool(far.any()):
                continue
            scans = torch.stack([self.held_out.scans.volume(row) for row in history.rows])
            lungs = self.held_out.scans.lung(history.first_row)
            clipped = self.codec.to_hu(self.codec.to_model(scans))
            gap = (clipped[seen][-1] - clipped[far])[:, lungs]
            squares["persistence"] += gap.square().mean(dim=1).tolist()
            for name, engine in engines.items():
                made = engine.forecast(
                    clipped[seen], years[seen], lungs, years[far], facts=self.held_out.facts[person]
                )
                squares[name] += (made - clipped[far])[:, lungs].square().mean(dim=1).tolist()
        return {f"hu_{k}": float(torch.tensor(v).mean().sqrt()) for k, v in squares.items() if v}

    @torch.no_grad()
    def export(self, averaged: Any, folder: Path) -> None:
        """Write the forecaster with its card."""
        card = {
            "name": self.recipe.name,
            "codec": self.codec_card["name"],
            "data": {
                "sets": list(self.recipe.data.sets),
                "training_patients": len(self.train.inside),
                "training_scans": len(self.train.scans),
                "held_out_patients": len(self.held_out.inside),
                "longest_follow_up_years": max(h.years[-1] for h in self.train.scans.histories),
            },
            "steps": self.recipe.optimiser.steps,
            **self.recipe.card,
        }
        save_forecaster(averaged.forecaster, folder.with_suffix(".safetensors"), card)

    def _inside_of(self, side: LatentScans) -> Bool[Tensor, "scan d h w"]:
        return side.inside[list(side.scans.patient_of)]
