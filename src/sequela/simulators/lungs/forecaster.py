"""Stage 2: from the latents of a few scans at irregular dates to the latent at any date.

    history -> HistoryEncoder -> h(0) -> ODE -> h(t) -> change of each slot -> baseline + their sum

Source: Zhao et al., "4D-VQ-GAN", arXiv:2502.05713, section 2.2. Departs from it: the change of slot
0 is left out (`legacy` keeps it), so that time 0 is the baseline itself; the head draws the change
alone, where the published one also draws a flow and a mask that nobody uses.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from sequela.dynamics import HistoryEncoder, VectorField, between, hold, solve_ode, solve_sde
from sequela.simulators.lungs.config import ForecasterConfig
from sequela.simulators.lungs.painter import DATES, Painter

_PACE_WIDTH = 8
Latents = Float[Tensor, "batch scan channel d h w"]
States = Float[Tensor, "batch moment channel d h w"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Visits:
    """The scans of several patients, each in their order, the baseline first.

    Attributes:
        latents: What the codec says of them.
        is_seen: Which scans the forecast may use; the others are padding, or kept to compare with.
        years: After the baseline; rising where scans are seen.
        facts: Numbers of each patient, in the order of the config's names, standardised; then
            those of `growth.growth_facts` where the config asks for them.
    """

    latents: Latents
    is_seen: Bool[Tensor, "batch scan"]
    years: Float[Tensor, "batch scan"]
    facts: Float[Tensor, "batch fact"] | None = None


class Forecaster(nn.Module):
    """History encoder, vector field and the head that draws changes."""

    def __init__(self, config: ForecasterConfig) -> None:
        super().__init__()
        self.config = config
        channels, hidden = config.latent_channels, config.hidden
        self.encoder = HistoryEncoder(
            channels, hidden=hidden, is_time_aware=config.is_time_aware, solver=config.solver
        )
        self.field = VectorField(
            hidden,
            hidden=config.field_hidden,
            layers=config.field_layers,
            facts=config.numbers,
            is_timed=config.is_field_timed,
        )
        self.pace: nn.Sequential | None = None
        if config.has_pace:
            last = nn.Linear(_PACE_WIDTH, 1)
            nn.init.zeros_(last.weight)  # training starts from "the same for all"
            nn.init.zeros_(last.bias)
            # a treatment that growth already shows must not count twice: no linear function
            self.pace = nn.Sequential(nn.Linear(config.numbers, _PACE_WIDTH), nn.Tanh(), last)
        self.head = nn.Conv3d(2 * hidden if config.has_skip else hidden, channels, 3, padding=1)
        self.spread = nn.Conv3d(hidden, hidden, 3, padding=1) if config.is_stochastic else None
        told = (DATES + config.numbers) * config.is_painter_dated
        width = config.painter_width
        self.painter = Painter(width, numbers=told) if width else None
        if config.has_skip and not config.legacy:  # training starts from "nothing changes"
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]  # it has a bias

    def forward(
        self,
        visits: Visits,
        wanted_years: Float[Tensor, "batch moment"],
        generator: torch.Generator | None = None,
    ) -> States:
        """The latent of each patient at each wanted time, 0 or later.

        Args:
            visits: What is known.
            wanted_years: After the baseline.
            generator: Of a sample, for a stochastic forecaster; without one the mean path is taken.
        """
        visits, wanted_years = self._dated(visits), self._rounded(wanted_years)
        slots = self._slots(torch.cat([visits.years, wanted_years], dim=1))
        states = self._on_slots(visits, len(slots), generator)
        grid = slots / self.config.slots_per_year
        moments = [
            self._held(visits, index, states[:, index], grid, wanted)
            for index, wanted in enumerate(wanted_years)
        ]
        return torch.stack(moments)

    def _held(
        self, visits: Visits, index: int, states: Tensor, grid: Tensor, wanted: Tensor
    ) -> Tensor:
        """One patient's states at the wanted times, held to the scans seen where asked to."""
        made = between(states, grid, wanted)
        if not self.config.is_bridged:
            return made
        seen = visits.is_seen[index]
        scans, dates = visits.latents[index, seen], visits.years[index, seen]
        return hold(made, wanted, scans - between(states, grid, dates), dates)

    def _on_slots(
        self, visits: Visits, count: int, generator: torch.Generator | None
    ) -> Float[Tensor, "slot batch channel d h w"]:
        scale = self.config.latent_scale
        start = self.encoder(visits.latents / scale, visits.is_seen, visits.years)
        baseline = visits.latents[:, 0]
        times = torch.arange(count, device=start.device) / self._unit
        hidden = self._moved(start, times, visits.facts, generator)
        if not self.config.has_skip:
            return torch.stack([scale * self.head(state) for state in hidden])
        first = baseline
        if self.config.legacy:
            first = baseline + scale * self.head(torch.cat([hidden[0], baseline / scale], dim=1))
        if self.pace is not None:
            told = baseline.new_zeros(len(baseline), self.config.numbers)  # what is not known
            told = told if visits.facts is None else visits.facts
            scale = scale * self.pace(told).exp()[..., None, None, None]
        changes = [
            scale * self.head(torch.cat([now, before], dim=1)) for before, now in pairwise(hidden)
        ]
        return torch.stack([first, *changes]).cumsum(dim=0)

    def _moved(
        self, start: Tensor, times: Tensor, facts: Tensor | None, generator: torch.Generator | None
    ) -> Tensor:
        solver = self.config.solver
        if self.spread is None or generator is None:
            return solve_ode(lambda t, h: self.field(t, h, facts), start, times, solver)
        noise = self.spread
        return solve_sde(
            lambda t, h: self.field(t, h, facts),
            lambda t, h: nn.functional.softplus(noise(h) - 2),
            start,
            times,
            generator,
            solver.step,
        )

    @property
    def _unit(self) -> float:
        """Slots in one unit of the ODE's time."""
        return self.config.span_years * self.config.slots_per_year

    def _slots(self, years: Tensor) -> Tensor:
        """All slots up to the last moment that matters, at least two."""
        last = float(years.max()) * self.config.slots_per_year
        return torch.arange(max(1, int(-(-last // 1))) + 1, device=years.device)

    def _dated(self, visits: Visits) -> Visits:
        return Visits(
            latents=visits.latents,
            is_seen=visits.is_seen,
            years=self._rounded(visits.years),
            facts=visits.facts,
        )

    def _rounded(self, years: Tensor) -> Tensor:
        """As published: the nearest slot; or the dates as they are."""
        if self.config.are_dates_exact:
            return years
        return (years * self.config.slots_per_year).round() / self.config.slots_per_year
