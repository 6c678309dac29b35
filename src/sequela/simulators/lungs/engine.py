"""Both stages together: a patient's scans at their dates in, the scan at any date out.

Source: Zhao et al., "4D-VQ-GAN", arXiv:2502.05713, section 2.3. Departs from it: the scans' own
detail, which no code holds, is carried along (`detail="none"` leaves it out, as published).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sequela.core import InvalidInputError
from sequela.core.checks import check_choice
from sequela.dynamics import hold
from sequela.simulators.lungs.codec import VolumeCodec
from sequela.simulators.lungs.forecaster import Forecaster, Visits
from sequela.simulators.lungs.grids import box_of, cells, in_tiles, merged
from sequela.simulators.lungs.growth import dense_shares, growth_facts
from sequela.simulators.lungs.painter import numbers_of, places_of, voxel_box

DETAILS = ("painted", "last", "mean", "none")
Scans = Float[Tensor, "scan depth height width"]

_HALO = 6  # cells: more than the decoder's reach at two levels
MARGIN = 2  # cells around the lungs that the forecaster is shown as zeros, in training too


@dataclass(frozen=True, kw_only=True, eq=False)
class LungEngine:
    """A codec and a forecaster of its latents.

    Attributes:
        codec: Stage 1.
        forecaster: Stage 2.
        detail: What the codec loses is the scan less its reconstruction. `last` adds that of the
            scans next in time, so that the forecast passes through every scan; `mean` adds the mean
            over all scans, with less of their noise; `none` adds nothing; `painted` lets the
            forecaster's painter lay the change over the first scan. By default the forecaster is
            painted where it has a painter, else `last`.
        tile: Cells of a tile, where a volume is coded in tiles; None codes it whole.
    """

    codec: VolumeCodec
    forecaster: Forecaster
    detail: str | None = None
    tile: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        has_painter = self.forecaster.painter is not None
        if self.detail is None:
            object.__setattr__(self, "detail", "painted" if has_painter else "last")
        check_choice("detail", str(self.detail), DETAILS)
        if self.detail == "painted" and not has_painter:
            raise InvalidInputError(
                "`detail` cannot be 'painted': this forecaster has no painter. "
                "Take 'last', or train it with `painter_width` above 0."
            )

    @torch.no_grad()
    def forecast(
        self,
        scans_hu: Scans,
        years: Float[Tensor, " scan"],
        lungs: Bool[Tensor, "depth height width"],
        wanted_years: Float[Tensor, " moment"],
        *,
        facts: Float[Tensor, " fact"] | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "moment depth height width"]:
        """The scans at the wanted times, in HU; outside the lungs they are the baseline.

        Args:
            scans_hu: Registered to the first.
            years: After the first scan, rising from 0.
            lungs: Of the first scan.
            wanted_years: 0 or later.
            facts: Of the patient, in the order of the forecaster's config.
            generator: Of one sample, for a stochastic forecaster.

        Raises:
            InvalidInputError: Years do not rise from 0, or a wanted time lies before 0.
        """
        _check_dates(years, wanted_years)
        asked = torch.cat([years, wanted_years])
        made = self.decoded_states(scans_hu, years, lungs, asked, facts=facts, generator=generator)
        if self.detail == "painted":
            told = self.told(scans_hu, years, lungs, facts)
            dates = [(float(years[-1]), float(when)) for when in wanted_years]
            numbers = [numbers_of(*pair, told) for pair in dates]
            return torch.where(lungs, self._painted(scans_hu, made, lungs, numbers), scans_hu[0])
        made = self.codec.to_hu(made)
        at_scans, wanted = made[: len(years)], made[len(years) :]
        forecast = self._with_detail(wanted, wanted_years, scans_hu - at_scans, years)
        return torch.where(lungs, forecast, scans_hu[0])

    @torch.no_grad()
    def decoded_states(
        self,
        scans_hu: Scans,
        years: Float[Tensor, " scan"],
        lungs: Bool[Tensor, "depth height width"],
        wanted_years: Float[Tensor, " moment"],
        *,
        facts: Float[Tensor, " fact"] | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "moment depth height width"]:
        """What the codec makes of the forecast latents, in [-1, 1] and without any detail."""
        inside = cells(lungs, self.codec.config.factor)
        states = self.states(
            self.latents(scans_hu),
            years,
            inside,
            wanted_years,
            facts=self.told(scans_hu, years, lungs, facts),
            generator=generator,
        )
        return torch.cat([self._decoded(z[None])[:, 0] for z in states])

    def told(
        self,
        scans_hu: Scans,
        years: Float[Tensor, " scan"],
        lungs: Bool[Tensor, "depth height width"],
        facts: Float[Tensor, " fact"] | None,
    ) -> Float[Tensor, " number"]:
        """The patient's numbers, 0 where unknown, with what is measured in the scans."""
        config = self.forecaster.config
        known = scans_hu.new_zeros(len(config.facts)) if facts is None else facts
        if not config.is_measured:
            return known
        return torch.cat([known, growth_facts(dense_shares(scans_hu, lungs), years)])

    def latents(self, scans_hu: Scans) -> Float[Tensor, "scan channel d h w"]:
        """What the forecaster sees of scans: their codes, or what lies before them."""
        made = [self._encoded(self.codec.to_model(scan)[None, None]) for scan in scans_hu]
        latents = torch.cat(made)
        if not self.forecaster.config.is_quantised:
            return latents
        return self.codec.codebook.look_up(self.codec.codebook.indices(latents))

    def states(
        self,
        latents: Float[Tensor, "scan channel d h w"],
        years: Float[Tensor, " scan"],
        inside: Bool[Tensor, "d h w"],
        wanted_years: Float[Tensor, " moment"],
        *,
        facts: Float[Tensor, " fact"] | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "moment channel d h w"]:
        """Latents at the wanted times: forecast in the lungs' cells, the baseline's elsewhere."""
        box = box_of(inside, margin=MARGIN)  # all that lies outside is 0 for the forecaster
        visits = Visits(
            latents=(latents * inside)[(None, ..., *box)],
            is_seen=torch.ones(1, len(years), dtype=torch.bool, device=latents.device),
            years=years[None],
            facts=None if facts is None else facts[None],
        )
        forecast = latents[:1].repeat(len(wanted_years), 1, 1, 1, 1)
        forecast[(..., *box)] = self.forecaster(visits, wanted_years[None], generator)[0]
        if self.forecaster.config.is_quantised:
            book = self.codec.codebook
            forecast = book.look_up(book.indices(forecast))
        return merged(latents[:1], forecast, inside[None])

    def _with_detail(
        self,
        wanted: Float[Tensor, "moment depth height width"],
        wanted_years: Float[Tensor, " moment"],
        lost: Float[Tensor, "scan depth height width"],
        years: Float[Tensor, " scan"],
    ) -> Float[Tensor, "moment depth height width"]:
        if self.detail == "none":
            return wanted
        if self.detail == "mean":
            return wanted + lost.mean(dim=0)
        return hold(wanted, wanted_years, lost, years)

    def _painted(
        self,
        scans_hu: Scans,
        made: Float[Tensor, "moment depth height width"],
        lungs: Tensor,
        numbers: list[Tensor],
    ) -> Float[Tensor, "wanted depth height width"]:
        """In HU, from decoded states at the scans' dates and then at the wanted ones."""
        painter, count = self.forecaster.painter, len(scans_hu)
        assert painter is not None  # noqa: S101  # checked when the engine was made
        box = voxel_box(lungs)
        scans = self.codec.to_model(scans_hu[[0, count - 1]])[(..., *box)]
        known, places = made[[0, count - 1]][(..., *box)], places_of(lungs)[(..., *box)]
        shown = scans_hu[:1].repeat(len(made) - count, 1, 1, 1)
        for moment, state in enumerate(made[count:]):
            states = torch.cat([known, state[(None, *box)]])
            told = numbers[moment][None]
            change = painter(scans[None], states[None], places[None], told)[0] - scans[0]
            scale = (self.codec.config.high_hu - self.codec.config.low_hu) / 2
            shown[(moment, *box)] += scale * change
        return shown

    def _encoded(self, volume: Float[Tensor, "1 1 depth height width"]) -> Tensor:
        if self.tile is None:
            return self.codec.encode(volume)
        scales = (self.codec.config.factor, 1)
        return in_tiles(self.codec.encode, volume, tile=self.tile, halo=_HALO, scales=scales)

    def _decoded(self, latents: Float[Tensor, "1 channel d h w"]) -> Tensor:
        if self.tile is None:
            return self.codec.decode(latents)
        scales = (1, self.codec.config.factor)
        return in_tiles(self.codec.decode, latents, tile=self.tile, halo=_HALO, scales=scales)


def _check_dates(years: Tensor, wanted_years: Tensor) -> None:
    if len(years) == 0 or float(years[0]) != 0 or not bool((years.diff() > 0).all()):
        raise InvalidInputError(
            f"`years` must rise strictly from 0, got {[round(x, 3) for x in years.tolist()]}. "
            "Count them from the first scan, and keep one scan of a date."
        )
    if len(wanted_years) == 0 or float(wanted_years.min()) < 0:
        raise InvalidInputError(
            f"`wanted_years` must be 0 or later, got {wanted_years.tolist()}. "
            "Take an earlier scan as baseline."
        )
