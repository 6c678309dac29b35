"""The latent-forecast objective: from some of a patient's scans to the latents of all of them.

Source: Zhao et al., "4D-VQ-GAN", arXiv:2502.05713, section 2.2, with the weights of its code.
Departs from it: which scans are given is drawn anew each time; a stochastic forecaster learns by
the energy score of two samples (Gneiting and Raftery, JASA 2007, equation (22)).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sequela.core import CheckpointError, hash_bytes
from sequela.simulators.lungs.engine import LungEngine
from sequela.simulators.lungs.forecaster import Forecaster, Visits
from sequela.simulators.lungs.grids import box_of, cells
from sequela.simulators.lungs.store import load_codec, save_forecaster
from sequela.training.lung_scans import LungScans, scans_of
from sequela.training.lung_settings import LungForecastNetwork
from sequela.training.recipe import Recipe

_FAR_YEARS = 1.0  # held-out figures tell of scans at least so long after the last one given
_DECODED = 6  # held-out patients whose forecasts are decoded


class ForecastLoss(nn.Module):
    """The forecaster with its loss, so that one forward pass can be spread over processes."""

    def __init__(self, forecaster: Forecaster, settings: LungForecastNetwork) -> None:
        super().__init__()
        self.forecaster = forecaster
        self.settings = settings

    def forward(  # noqa: PLR0913, PLR0917  # accelerate hands over tensors alone
        self,
        latents: Float[Tensor, "batch scan channel d h w"],
        is_seen: Bool[Tensor, "batch scan"],
        is_real: Bool[Tensor, "batch scan"],
        years: Float[Tensor, "batch scan"],
        inside: Bool[Tensor, "batch d h w"],
        facts: Float[Tensor, "batch fact"],
        seed: int,
    ) -> dict[str, Tensor]:
        """Errors of states and of their changes between consecutive scans, in the lungs."""
        visits = Visits(latents=latents, is_seen=is_seen, years=years, facts=facts)
        if self.settings.is_stochastic:
            draws = [torch.Generator().manual_seed(seed + i) for i in (0, 1)]
            one, two = (self.forecaster(visits, years, draw) for draw in draws)
            terms = [energy(_in_lungs(x, inside, is_real) for x in (one, two, latents))]
            return {"loss": terms[0], "energy": terms[0].detach()}
        made = self.forecaster(visits, years)
        weights = self._weights(years, is_real)
        states, changes = errors(made, latents, inside, weights)
        scale = self.forecaster.config.latent_scale**2
        loss = (self.settings.state_weight * states + changes) / scale
        return {"loss": loss, "states": states.detach(), "changes": changes.detach()}

    def _weights(self, years: Tensor, is_real: Tensor) -> Float[Tensor, "batch scan"]:
        weights = is_real.float()
        if self.settings.time_weights == "linear":
            weights = weights * years
            weights = weights * is_real.sum() / weights.sum().clamp(min=1e-6)
        return weights


def errors(
    made: Float[Tensor, "batch scan channel d h w"],
    real: Float[Tensor, "batch scan channel d h w"],
    inside: Bool[Tensor, "batch d h w"],
    weights: Float[Tensor, "batch scan"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Weighted mean squared errors in the lungs: of states, and of consecutive differences."""
    volume = inside[:, None, None].to(made)

    def mean(error: Tensor, weight: Tensor) -> Tensor:
        shares = weight[..., None, None, None, None] * volume
        return (shares * error.square()).sum() / (shares.sum() * made.shape[2]).clamp(min=1)

    states = mean(made - real, weights)
    both = weights[:, 1:] * (weights[:, :-1] > 0)
    return states, mean(made.diff(dim=1) - real.diff(dim=1), both)


def energy(parts: Any) -> Float[Tensor, ""]:
    """The energy score of two samples for each row: small where they surround what is real."""
    one, two, real = parts
    error = 0.5 * ((one - real).norm(dim=-1) + (two - real).norm(dim=-1))
    score: Tensor = (error - 0.5 * (one - two).norm(dim=-1)).mean()
    return score


def _in_lungs(x: Tensor, inside: Tensor, is_real: Tensor) -> Float[Tensor, "row number"]:
    masked = x * inside[:, None, None]
    return masked[is_real].flatten(1) / inside.sum().clamp(min=1).sqrt()


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentScans:
    """Scans as latents, with the cells of the lungs and the facts of each patient."""

    scans: LungScans
    latents: Float[Tensor, "scan channel d h w"]
    inside: Bool[Tensor, "patient d h w"]
    facts: Float[Tensor, "patient fact"]


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
        self.train = self._latent(train, out / "latents-train.safetensors")
        self.held_out = self._latent(held_out, out / "latents-held-out.safetensors")
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
        self.networks = ForecastLoss(forecaster, settings)

    @classmethod
    def of(cls, recipe: Recipe, out: Path) -> "LatentForecastObjective":
        """The objective of a recipe, its scans kept beside `out`."""
        return cls(recipe, *scans_of(recipe, out), out)

    def batch(self, size: int, generator: torch.Generator, step: int) -> tuple[Any, ...]:
        """All scans of random patients, and which of them are given."""
        del step
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
        return *parts[:-1], facts, generator.initial_seed() % 2**31

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
            latents, is_seen, _, years, inside, facts = collate(self.held_out, [person], [seen])
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
            for detail in ("last", "mean", "none")
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

    def _latent(self, scans: LungScans, cache: Path) -> LatentScans:
        """Encoded once and kept beside the checkpoint, while scans and codec are the same."""
        key = hash_bytes(
            repr((scans.identity, self.settings.is_quantised)).encode()
            + b"".join(v.detach().numpy().tobytes() for v in self.codec.state_dict().values())
        )
        stored = load_file(cache) if cache.exists() else {}
        if key not in stored:
            cache.parent.mkdir(parents=True, exist_ok=True)
            stored = {key: torch.cat([self._encode(scans, row) for row in range(len(scans))])}
            save_file(stored, cache)
        masks = torch.from_numpy(scans.lungs.astype(bool))
        return LatentScans(
            scans=scans,
            latents=stored[key],
            inside=cells(masks, self.codec.config.factor),
            facts=torch.tensor(
                [[h.facts[name] for name in self.settings.facts] for h in scans.histories]
            ),
        )

    @torch.no_grad()
    def _encode(self, scans: LungScans, row: int) -> Float[Tensor, "1 channel d h w"]:
        latents = self.codec.encode(self.codec.to_model(scans.volume(row))[None, None])
        if not self.settings.is_quantised:
            return latents
        return self.codec.codebook.look_up(self.codec.codebook.indices(latents))


def given(mode: str, scans: int, share: float) -> list[bool]:
    """Which of so many scans a mode gives; `share` in [0, 1) chooses how many for `beginning`."""
    count = {
        "extrapolation": 2,
        "baseline": 1,
        "beginning": 1 + int(share * max(1, scans - 1)),
        "reconstruction": scans,
        "interpolation": 1,
    }[mode]
    is_last = mode == "interpolation"
    return [i < count or (is_last and i == scans - 1) for i in range(scans)]


def collate(side: LatentScans, people: list[int], seen: list[list[bool]]) -> tuple[Tensor, ...]:
    """Latents, seen, real, years, lungs and facts of patients, padded to the most scans.

    Only the box that holds all their lungs is kept.
    """
    histories = [side.scans.histories[p] for p in people]
    longest = max(len(h.years) for h in histories)
    inside = side.inside[people]
    box = box_of(inside)
    inside = inside[(..., *box)]
    channels = side.latents.shape[1]
    latents = side.latents.new_zeros(len(people), longest, channels, *inside.shape[1:])
    is_seen = torch.zeros(len(people), longest, dtype=torch.bool)
    is_real, years = is_seen.clone(), torch.zeros(len(people), longest)
    for index, (history, known) in enumerate(zip(histories, seen, strict=True)):
        count = len(history.years)
        latents[index, :count] = side.latents[list(history.rows)][(..., *box)] * inside[index]
        is_seen[index, :count] = torch.tensor(known)
        is_real[index, :count] = True
        years[index, :count] = torch.tensor(history.years)
    return latents, is_seen, is_real, years, inside, side.facts[people]
