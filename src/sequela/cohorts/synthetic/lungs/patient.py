"""One patient of the lung cohort: scans, covariates and outcome, and the truth behind them.

Everything follows from the seed; each part has its own stream of random numbers, so asking for an
image changes nothing else and every grid shows the same patient.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from sequela.cohorts.synthetic.lungs import anatomy
from sequela.cohorts.synthetic.lungs.build import draw_build
from sequela.cohorts.synthetic.lungs.chest import Chest, blur_of, draw_chest
from sequela.cohorts.synthetic.lungs.design import ARMS, TREATED, UNTREATED, LungDesign
from sequela.cohorts.synthetic.lungs.fibrosis import Fibrosis, draw_fibrosis
from sequela.cohorts.synthetic.lungs.growth import Growth, draw_growth
from sequela.cohorts.synthetic.lungs.outcome import (
    Covariates,
    Survival,
    draw_covariates,
    draw_survival,
    draw_visits,
)
from sequela.cohorts.synthetic.lungs.scanner import misaligned, scanned
from sequela.core.checks import check_choice, check_count, check_finite
from sequela.imaging.grid import Grid

Volume = Float[np.ndarray, "depth height width"]
Mask = Bool[np.ndarray, "depth height width"]
# 256 x 336 x 336 mm: the whole chest, what `lungs-mini` sees
MINI_LUNG_GRID = Grid.upright((32, 96, 96), (8.0, 3.5, 3.5))
_STREAMS = ("subject", "visits", "outcome", "build", "chest", "fibrosis", "scan")


@dataclass(frozen=True, kw_only=True, eq=False)
class LungPatient:
    """A patient whose course is known at any date; `draw_patient` makes one.

    Attributes:
        seed: All else follows from it.
        design: What was planted.
        grid: Of all volumes.
        growth: Untreated course.
        arm: `placebo` or `antifibrotic`, from baseline on.
        covariates: Age, sex, smoking.
        visit_years: Dates of the scans, the first 0.
        survival: Years from baseline and whether death ended them.
    """

    seed: int
    design: LungDesign
    grid: Grid
    growth: Growth
    arm: str
    covariates: Covariates
    visit_years: tuple[float, ...]
    survival: Survival

    @property
    def law(self) -> str:
        """`linear`, `logistic` or `stepwise`."""
        return self.growth.law

    @property
    def rate(self) -> float:
        """Growth under the given arm, share of the lungs a year; see `Growth.rate`."""
        return self.course(self.arm).rate

    @property
    def landmark(self) -> Survival:
        """Follow-up counted from the second scan, from which on the patient could die."""
        return Survival(self.survival.time_years - self.visit_years[1], self.survival.event)

    def course(self, arm: str) -> Growth:
        """The law with its numbers under an arm."""
        check_choice("arm", arm, ARMS)
        return self.growth.slowed(self.design.rate_ratio) if arm == TREATED else self.growth

    def extent(self, years: float, *, arm: str | None = None) -> float:
        """True share of the lungs that is fibrotic, at years from baseline.

        Args:
            years: Before baseline (negative) too.
            arm: For a counterfactual; the patient's own by default.

        Raises:
            InvalidInputError: `years` is not finite.
            UnknownNameError: No such arm.
        """
        check_finite("years", years)
        return float(self.course(arm or self.arm).extent(years))

    def extent_map(self, years: float, *, arm: str | None = None) -> Volume:
        """How fibrotic each voxel truly is, [0, 1]; its mean in the lungs is `extent`."""
        shown = np.zeros(self.grid.shape, np.float32)
        shown[self.chest.lungs] = self.fibrosis.share(self.extent(years, arm=arm))
        return shown

    def truth(self, years: float, *, arm: str | None = None) -> Volume:
        """The volume in HU without noise, in the baseline's breath, at years from baseline."""
        return self.truth_at(self.extent(years, arm=arm))

    def truth_at(self, extent: float) -> Volume:
        """The noise-free volume that an extent in [0, 1] brings, whenever it is reached."""
        volume = self.chest.hu.copy()
        inside = self.chest.lungs
        volume[inside] = self.fibrosis.lay_over(volume[inside], extent)
        return volume

    def lung_mask(self, years: float = 0.0) -> Mask:
        """Both lungs in the baseline's breath; fibrosis does not shrink them here."""
        check_finite("years", years)
        return self.chest.lungs.copy()

    def scan(self, years: float, *, arm: str | None = None) -> Volume:
        """The scan of a date, with noise and, after baseline, a misaligned breath."""
        rng = self._stream("scan", round((years + 1000) * 365.25))
        volume, lungs = self.truth(years, arm=arm), self.chest.lungs
        if years != 0 and self.design.misalignment_mm:
            volume = misaligned(rng, volume, self.grid, self.design.misalignment_mm)
        return scanned(rng, volume, lungs, self.grid, self.design)

    @property
    def scans(self) -> list[tuple[float, Volume]]:
        """Years from baseline with the volume in HU, made anew at each call."""
        return [(years, self.scan(years)) for years in self.visit_years]

    @cached_property
    def chest(self) -> Chest:
        """Without fibrosis."""
        build = draw_build(self._stream("build"), sex=self.covariates.sex)
        return draw_chest(self._stream("chest"), build, self.grid)

    @cached_property
    def fibrosis(self) -> Fibrosis:
        """Where it comes first and how it looks."""
        return draw_fibrosis(
            self._stream("fibrosis"),
            self.chest.at,
            depth_mm=self.chest.depth_mm,
            lobe=anatomy.lobes(tuple(self.chest.at.T)),
            blur_mm=blur_of(self.grid),
        )

    def _stream(self, name: str, *more: int) -> np.random.Generator:
        return _stream(self.seed, name, *more)


def draw_patient(
    seed: int,
    *,
    design: LungDesign | None = None,
    grid: Grid = MINI_LUNG_GRID,
    law: str | None = None,
    arm: str | None = None,
) -> LungPatient:
    """One patient; the same seed draws the same one on every grid. Volumes are made on demand.

    Args:
        seed: Whole number >= 0.
        design: What is planted.
        grid: Of the volumes.
        law: Of growth; by lot by default.
        arm: Given treatment; by lot by default.

    Raises:
        InvalidInputError: `seed` is negative.
        UnknownNameError: No such law or arm.
    """
    check_count("seed", seed, minimum=0)
    design = design or LungDesign()
    rng = _stream(seed, "subject")
    covariates = draw_covariates(rng)
    lot = TREATED if rng.random() < design.treated_share else UNTREATED
    arm = arm or lot
    check_choice("arm", arm, ARMS)
    growth = draw_growth(rng, design, law=law)
    given = growth.slowed(design.rate_ratio) if arm == TREATED else growth
    planned = draw_visits(_stream(seed, "visits"), design)
    survival = draw_survival(
        _stream(seed, "outcome"), given, covariates, design, alive_until=float(planned[1])
    )
    return LungPatient(
        seed=seed,
        design=design,
        grid=grid,
        growth=growth,
        arm=arm,
        covariates=covariates,
        visit_years=tuple(float(y) for y in planned if y <= survival.time_years),
        survival=survival,
    )


def _stream(seed: int, name: str, *more: int) -> np.random.Generator:
    return np.random.default_rng([seed, _STREAMS.index(name), *more])
