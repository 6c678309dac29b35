"""Sampling: many possible NET2 masks of one patient at once, from seeded noise.

For each sample a count is drawn from the forecast distribution; then the mask is denoised to hold
about so many lesions. A denoising step draws a clean mask from the network's chances, and goes back
to the next lower noise level from there: exact but for what voxels say of each other within one
step, where stepping towards the mean would lose rare lesions.

Source of the step: Austin et al., "Structured denoising diffusion models in discrete state-spaces",
arXiv:2107.03006, section 3 (draw the clean state, then the posterior), with Gaussian noise.
"""

from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sequela.core.checks import check_count, check_finite
from sequela.diffusion.noise import NoiseSource
from sequela.imaging.grid import Grid
from sequela.simulators.lesions.burden import Burden, burden_of
from sequela.simulators.lesions.count_head import CountChances, Counted, quantiles
from sequela.simulators.lesions.hold import hold
from sequela.simulators.lesions.levels import cosine_schedule, level_of, lower, timesteps_of
from sequela.simulators.lesions.network import NOWHERE, Known, LesionForecaster, Level, Told
from sequela.simulators.lesions.places import free_voxels, seen_channels
from sequela.simulators.lesions.prepare import PreparedVisit
from sequela.simulators.lesions.question import UNKNOWN, Question
from sequela.simulators.lesions.summary import ForecastSummary, summarise

_AT_ONCE = 8  # masks that are denoised together
_GOLDEN = 0.6180339887498949  # levels this far apart (modulo 1) fill [0, 1] evenly at any length


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How forecasts are drawn.

    Attributes:
        samples: Masks a question.
        num_denoising_steps: Network evaluations a mask.
        guidance_scale: Weight of the treatment; 1 is the plain conditional forecast, 0 that for an
            unknown treatment. Anything but 1 exaggerates effects and spoils calibration.
        seed: Of the noise; questions with the same seed share it, so that treatments differ by
            nothing but the treatment.
    """

    samples: int = 32
    num_denoising_steps: int = 10
    guidance_scale: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("samples", self.samples)
        check_count("num_denoising_steps", self.num_denoising_steps, minimum=2)
        check_finite("guidance_scale", self.guidance_scale, minimum=0.0)
        check_count("seed", self.seed, minimum=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecast(Counted):
    """Possible futures of one patient under one treatment.

    Attributes:
        question: What was asked.
        grid: Of all arrays.
        masks: Possible NET2 masks; none lies in old lesions or outside the brain.
        chances: Of each voxel to be a NET2 lesion, smooth: finer than the share of masks.
        count_chances: Of 0, 1, 2 ... lesions; the last holds all that are more.
        drawn_counts: That each mask was to hold; `counts` has what it does hold.
        notices: What a user should know, one sentence each.
    """

    question: Question
    grid: Grid
    masks: Bool[np.ndarray, "sample depth height width"]
    chances: Float[np.ndarray, "depth height width"]
    count_chances: Float[np.ndarray, " count"]
    drawn_counts: Int[np.ndarray, " sample"]
    notices: tuple[str, ...] = field(default=())

    @property
    def counts(self) -> Int[np.ndarray, " sample"]:
        """Lesions of each mask."""
        return self.summary.counts

    @cached_property
    def summary(self) -> ForecastSummary:
        """Counts and volumes of the masks."""
        return summarise(self.masks, self.grid)


def forecast(
    network: LesionForecaster,
    visit: PreparedVisit,
    question: Question,
    sampling: Sampling | None = None,
) -> Forecast:
    """Possible futures of a patient.

    At horizon 0 nothing has come yet, whatever the treatment.

    Args:
        network: The trained forecaster.
        visit: The patient on the network's grid, see `places.place_visit`.
        question: Treatment, horizon and covariates.
        sampling: How forecasts are drawn.
    """
    return forecasts(network, visit, [question], sampling)[0]


@torch.no_grad()
def forecasts(
    network: LesionForecaster,
    visit: PreparedVisit,
    questions: list[Question],
    sampling: Sampling | None = None,
) -> list[Forecast]:
    """Answers to several questions about one patient, from the same noise."""
    sampling = sampling or Sampling()
    known = known_of(network, visit)
    burden = burden_of(visit)
    return [
        _answer(_Asked(network, known, question, burden, sampling), visit) for question in questions
    ]


def known_of(network: LesionForecaster, visit: PreparedVisit) -> Known:
    """What the network knows of a patient, places included."""
    device = next(network.parameters()).device
    free = torch.from_numpy(free_voxels(visit))[None, None].to(device)
    present = torch.from_numpy(visit.present.astype(np.float32))[None].to(device)
    return network.encode(seen_channels(visit).to(device), present, free)


@dataclass(frozen=True, eq=False)
class _Asked:
    """One question about one encoded patient."""

    network: LesionForecaster
    known: Known
    question: Question
    burden: Burden
    sampling: Sampling

    @property
    def device(self) -> torch.device:
        return self.known.base.device

    def told(self, treatment: str, count: int = 1) -> Told:
        from_treatment = Question(treatment=treatment, horizon_years=0.0).treatment_index
        numbers = np.concatenate([self.question.numbers, self.burden.numbers])
        return Told(
            treatment=torch.full((count,), from_treatment, dtype=torch.long, device=self.device),
            numbers=torch.from_numpy(numbers).to(self.device).expand(count, -1),
        )

    def warnings(self) -> tuple[str, ...]:
        """What lies beyond the model's training."""
        config = self.network.config
        return (
            *self.question.warnings(config.longest_years),
            *self.burden.warnings(config.lesions_seen),
        )

    @property
    def is_guided(self) -> bool:
        return self.sampling.guidance_scale != 1 and self.question.treatment != UNKNOWN

    def count_chances(self) -> CountChances:
        told, plain = self.told(self.question.treatment), self.told(UNKNOWN)
        with_treatment: CountChances = self.network.counts(told.treatment, told.numbers)
        if not self.is_guided:
            return with_treatment
        without: CountChances = self.network.counts(plain.treatment, plain.numbers)
        return without.towards(with_treatment, self.sampling.guidance_scale)

    def odds(self, noisy: Tensor, level: Level, count: Tensor) -> Tensor:
        """Guided log odds of a batch of masks."""
        known = self.known.repeated(len(noisy))

        def under(treatment: str) -> Tensor:
            told = self.told(treatment, len(noisy))
            odds: Tensor = self.network(noisy, level, known, told, count)
            return odds

        with_treatment = under(self.question.treatment)
        if not self.is_guided:
            return with_treatment
        without = under(UNKNOWN)
        return without + self.sampling.guidance_scale * (with_treatment - without)


def _answer(asked: _Asked, visit: PreparedVisit) -> Forecast:
    sampling, question = asked.sampling, asked.question
    masks = np.zeros((sampling.samples, *visit.grid.shape), bool)
    chances = np.zeros(visit.grid.shape, np.float64)
    table = torch.zeros(1, 1, device=asked.device)
    table[0, 0] = 1.0
    counts = torch.zeros(sampling.samples, dtype=torch.long)
    if question.horizon_years > 0:
        table = asked.count_chances().table()
        counts = quantiles(table.cpu(), _levels(sampling))
    expected = float(table[0].double().cpu() @ torch.arange(table.shape[1], dtype=torch.float64))
    # chances need some mask, even of a patient to whom nothing comes in any sample
    some = torch.nonzero(counts)[:, 0] if counts.any() or not expected else torch.tensor([0])
    wanted = counts[some].clamp(min=1)
    for part in range(0, len(some), _AT_ONCE):
        at = slice(part, part + _AT_ONCE)
        drawn, likely = _denoised(asked, some[at], wanted[at], visit.grid)
        masks[some[at].numpy()] = drawn
        chances += likely
    masks[counts.numpy() == 0] = False
    # samples are few: their mean count is not quite the expected one
    chances *= expected / max(int(wanted.sum()), 1)
    return Forecast(
        question=question,
        grid=visit.grid,
        masks=masks,
        chances=np.minimum(chances, 1).astype(np.float32),
        count_chances=table[0].double().cpu().numpy(),
        drawn_counts=counts.numpy(),
        notices=asked.warnings(),
    )


def _levels(sampling: Sampling) -> Float[Tensor, " sample"]:
    """Where in the count's distribution each sample lies; the same in every question."""
    start = float(np.random.default_rng([sampling.seed, 11]).random())
    return (start + _GOLDEN * torch.arange(sampling.samples, dtype=torch.float64)) % 1.0


def _denoised(
    asked: _Asked, samples: Tensor, counts: Tensor, grid: Grid
) -> tuple[Bool[np.ndarray, "sample depth height width"], Float[np.ndarray, "depth height width"]]:
    """Masks with about those counts, and the sum of the chances at pure noise."""
    schedule = cosine_schedule(asked.network.config.timesteps)
    timesteps = timesteps_of(schedule, asked.sampling.num_denoising_steps)
    source = NoiseSource(asked.sampling.seed)

    def noise(step: int, draw: int) -> Tensor:
        parts = [
            source.normal((1, *grid.shape), sample=int(k), step=step, draw=draw) for k in samples
        ]
        return torch.stack(parts).to(asked.device)

    noisy, wanted = noise(0, 0), counts.float().to(asked.device)
    likely, drawn = torch.zeros(grid.shape, dtype=torch.float64), noisy > 0
    odds = noisy
    for index, timestep in enumerate(timesteps):
        level = level_of(schedule, [timestep] * len(samples), asked.device)
        odds = asked.odds(noisy, level, wanted)
        if index == 0:
            likely = odds.sigmoid().sum((0, 1)).double()
        luck = shared(noise(index + 1, 1), asked.network.config.spread)
        drawn = odds.sigmoid() > torch.special.ndtr(luck)
        if index < len(timesteps) - 1:
            levels = (timestep, timesteps[index + 1])
            noisy = lower(schedule, noisy, 2.0 * drawn - 1, levels, noise(index + 1, 0))
    odds = odds.masked_fill(odds <= NOWHERE, -torch.inf)
    pairs = zip(drawn[:, 0].cpu().numpy(), odds[:, 0].cpu().numpy(), counts.tolist(), strict=True)
    return np.stack([hold(*pair) for pair in pairs]), likely.cpu().numpy()


def shared(luck: Tensor, spread: tuple[float, ...]) -> Tensor:
    """Standard normal values of which neighbours share a part: lesions are drawn in one piece.

    Each voxel's own chance stays what it was, but at the edge of the grid.

    Args:
        luck: Independent standard normal values.
        spread: Standard deviation of the Gaussian that mixes them, in voxels along d, h, w.
    """
    for axis, deviation in zip((-3, -2, -1), spread, strict=True):
        if deviation:
            moved = luck.movedim(axis, -1)
            luck = (moved @ _mixing(moved.shape[-1], deviation).to(luck)).movedim(-1, axis)
    return luck


@cache
def _mixing(size: int, deviation: float) -> Float[Tensor, "size size"]:
    """The Gaussian as a matrix, of which columns inside the grid have length 1."""
    offset = torch.arange(size)[:, None] - torch.arange(size)
    weights = torch.exp(-(offset**2) / (2 * deviation**2))
    mixing: Tensor = weights / weights[:, size // 2].norm()
    return mixing
