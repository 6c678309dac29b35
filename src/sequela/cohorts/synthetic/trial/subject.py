"""One patient of the known-truth trial: what is seen at baseline, what would come in any arm.

Everything follows from the seed. Each part has its own stream of random numbers, so asking for an
image changes no lesion, and two grids show the same patient.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from sequela.cohorts.synthetic.trial.arms import find_arm, load_arms
from sequela.cohorts.synthetic.trial.design import TrialDesign
from sequela.cohorts.synthetic.trial.future import draw_future
from sequela.cohorts.synthetic.trial.head import Head, Tissues, draw_head
from sequela.cohorts.synthetic.trial.history import draw_history
from sequela.cohorts.synthetic.trial.lesions import Lesions, mask_of
from sequela.cohorts.synthetic.trial.rates import Events, Latents, draw_age_score, draw_events
from sequela.cohorts.synthetic.trial.reader import Mistakes, Reader, Reading, drawn
from sequela.cohorts.synthetic.trial.render import ENHANCING_YEARS, lesion_maps, signal
from sequela.cohorts.synthetic.trial.response import responder_place
from sequela.cohorts.synthetic.trial.scanner import Scanner, scanner_of
from sequela.core.checks import check_count
from sequela.core.errors import InvalidInputError
from sequela.imaging.grid import Grid

Volume = Float[np.ndarray, "depth height width"]
Mask = Bool[np.ndarray, "depth height width"]
# 6 x 2.5 x 2.5 mm around the brain in MNI space: what the small bundled model sees
MINI_GRID = Grid.upright((24, 80, 64), (6.0, 2.5, 2.5), centre_mm=(0.0, 16.0, 8.0))
_STREAMS = ("subject", "history", "events", "future", "head", "images", "reading")


@dataclass(frozen=True, kw_only=True)
class Covariates:
    """What the trial's forms hold at baseline.

    Attributes:
        age_years: 17 to 57.
        disease_years: Since the first symptom.
        edss: Disability score, 0 to 6.5 in halves.
        sex: `F` or `M`.
        day_of_year: As a share of the year.
        centre: Number of the centre, from 0.
    """

    age_years: float
    disease_years: float
    edss: float
    sex: str
    day_of_year: float
    centre: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Future:
    """NET2 events until some time.

    Attributes:
        count: How many.
        mask: Their voxels.
    """

    count: int
    mask: Mask


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialSubject:
    """A patient whose future is known under every arm; `draw_subject` makes one.

    Attributes:
        seed: All else follows from it.
        design: What was planted.
        grid: Of all masks and images.
        arm: What the trial's lot gave.
        covariates: What is known of the patient.
        latents: What nobody sees.
        dropout_years: When the patient leaves the trial, if it still runs.
    """

    seed: int
    design: TrialDesign
    grid: Grid
    arm: str
    covariates: Covariates
    latents: Latents
    dropout_years: float

    def count(self, arm: str, years: float) -> int:
        """How many NET2 events there are under an arm, from baseline to `years`.

        Raises:
            UnknownNameError: No such arm.
            InvalidInputError: `years` lies outside the known future.
        """
        return len(self._happening(arm, years))

    def net2(self, arm: str, years: float) -> Mask:
        """Voxels of new lesions, and of the grown part of enlarging ones, at a time.

        Under a stronger arm this is a subset. A lesion smaller than a voxel still marks one.
        """
        return self._drawn(self._future.only(self._happening(arm, years)), years)

    def onsets(self, arm: str, years: float) -> Float[np.ndarray, " event"]:
        """When the events counted by `count` begin."""
        return np.asarray(self._events.years[self._happening(arm, years)])

    def read(self, arm: str, years: float, *, reader: Reader | None = None) -> Reading:
        """What a reader marks of `net2`; the same errors about the same lesions in every arm.

        Raises:
            UnknownNameError: No such arm.
        """
        reader, rng = reader or Reader(), self._stream("reading")
        luck = rng.random(len(self._events.years))
        brain = self.brain_mask.ravel() & ~self.baseline_mask.ravel()
        mistakes = Mistakes.draw(reader, brain / brain.sum(), rng)
        happening = self._happening(arm, years)
        lesions = self._future.only(happening)
        seen = reader.sees(lesions.volumes_mm3(years), luck[happening])
        marked = self._drawn(lesions.only(seen), years)
        return Reading(
            mask=drawn(marked, self.baseline_mask, mistakes),
            count=int(seen.sum()) + len(mistakes.places),
            missed=int((~seen).sum()),
            ghosts=len(mistakes.places),
        )

    def another_future(self, latents: Latents, seed: int, arm: str, years: float) -> Future:
        """What could come to the same patient, as seen at baseline, with other hidden values."""
        rng = np.random.default_rng([self.seed, len(_STREAMS), seed])
        events = draw_events(latents, self.design, rng)
        chosen = events.under(find_arm(arm), latents.place, years, self.design)
        lesions = draw_future(events, self._old, self.design, rng).only(chosen)
        return Future(count=len(chosen), mask=self._drawn(_placed(lesions, self.head), years))

    def followed(self, years: float) -> bool:
        """Whether the patient is still in the trial then."""
        return self.dropout_years > years

    def lesion_mask(self, arm: str, years: float) -> Mask:
        """All lesions at a time: old ones as they have shrunk or grown, and NET2 ones."""
        old = mask_of(self.lesions, self.lesions.volumes_mm3(years), self.grid)
        return np.asarray(old | self.net2(arm, years))

    def images(
        self, years: float = 0.0, *, arm: str | None = None, skull: bool = False
    ) -> Mapping[str, Volume]:
        """The MR images that the patient's centre makes, by sequence, in arbitrary units.

        Args:
            years: 0 for the baseline.
            arm: Treatment until then; the patient's own by default.
            skull: Whether to show skull, scalp and the fluid around the brain.
        """
        shown = self.lesions
        if years > 0:
            shown = shown.joined(self._future.only(self._happening(arm or self.arm, years)))
        maps = lesion_maps(shown, years, self.grid)
        rng = self._stream("images", round(years * 365.25))
        return {
            sequence: self.scanner.record(
                signal(self.tissues, maps, sequence, skull=skull), sequence, self.grid, rng
            )
            for sequence in self.scanner.sequences
        }

    @cached_property
    def baseline_mask(self) -> Mask:
        """True T2 lesions at baseline."""
        return mask_of(self.lesions, self.lesions.volumes_mm3(0.0), self.grid)

    @property
    def brain_mask(self) -> Mask:
        """Brain with its ventricles and sulci."""
        return np.asarray(self.tissues.brain > 0.5)

    @cached_property
    def enhancing(self) -> int:
        """Lesions that take up gadolinium at baseline."""
        return int((self.lesions.onset_years > -ENHANCING_YEARS).sum())

    @cached_property
    def scanner(self) -> Scanner:
        """That of the patient's centre."""
        return scanner_of(self.covariates.centre, self.design.centre_seed)

    @cached_property
    def head(self) -> Head:
        """Size, tilt and folding."""
        return draw_head(self._stream("head"), age_score=self.latents.age_score)

    @cached_property
    def tissues(self) -> Tissues:
        """What fills each voxel."""
        return self.head.tissues(self.grid)

    @cached_property
    def lesions(self) -> Lesions:
        """At baseline, in the patient's own millimetres."""
        return _placed(self._old, self.head)

    @cached_property
    def _old(self) -> Lesions:
        duration = self.covariates.disease_years
        return draw_history(self.latents, duration, self.design, self._stream("history"))

    @cached_property
    def _events(self) -> Events:
        return draw_events(self.latents, self.design, self._stream("events"))

    @cached_property
    def _future(self) -> Lesions:
        drawn = draw_future(self._events, self._old, self.design, self._stream("future"))
        return _placed(drawn, self.head)

    def _drawn(self, lesions: Lesions, years: float) -> Mask:
        volumes = lesions.volumes_mm3(years)
        return mask_of(lesions, volumes, self.grid, without=self.baseline_mask)

    def _happening(self, arm: str, years: float) -> np.ndarray:
        if not 0 <= years <= self.design.horizon_years:
            raise InvalidInputError(
                f"`years` must lie in [0, {self.design.horizon_years:g}], got {years!r}. "
                "Draw the subject from a design with a longer `horizon_years`."
            )
        return self._events.under(find_arm(arm), self.latents.place, years, self.design)

    def _stream(self, name: str, *more: int) -> np.random.Generator:
        return _stream(self.seed, name, *more)


def draw_subject(
    seed: int, *, design: TrialDesign | None = None, grid: Grid = MINI_GRID, arm: str | None = None
) -> TrialSubject:
    """One patient; the same seed draws the same one on every grid.

    Args:
        seed: Whole number >= 0.
        design: What is planted; by default placebo has 10 events in two years.
        grid: Of masks and images.
        arm: Given treatment; drawn by lot from all arms by default.

    Raises:
        UnknownNameError: No such arm.
    """
    check_count("seed", seed, minimum=0)
    design = design or TrialDesign()
    rng = _stream(seed, "subject")
    age, own = draw_age_score(rng), float(rng.standard_normal())
    latents = Latents(
        frailty=float(rng.gamma(design.frailty_shape) / design.frailty_shape),
        age_score=age,
        place=float(responder_place(age, own, design)),
        day=float(rng.random()),
    )
    lot = list(load_arms())[int(rng.integers(len(load_arms())))]
    return TrialSubject(
        seed=seed,
        design=design,
        grid=grid,
        arm=lot if arm is None else find_arm(arm).name,
        covariates=_draw_covariates(latents, design, rng),
        latents=latents,
        dropout_years=float(rng.exponential(1 / max(design.dropout_per_year, 1e-9))),
    )


def _draw_covariates(latents: Latents, design: TrialDesign, rng: np.random.Generator) -> Covariates:
    age = design.age_mean + design.age_sd * latents.age_score
    duration = float(min(rng.gamma(1.5, 4.0) + 0.3, age - 14))
    edss = np.clip(1.0 + 0.03 * (age - 20) + 0.06 * duration + rng.normal(0, 1.0), 0, 6.5)
    return Covariates(
        age_years=age,
        disease_years=duration,
        edss=float(np.rint(2 * edss) / 2),
        sex="F" if rng.random() < 0.7 else "M",
        day_of_year=latents.day,
        centre=int(rng.integers(design.centres)),
    )


def _stream(seed: int, name: str, *more: int) -> np.random.Generator:
    return np.random.default_rng([seed, _STREAMS.index(name), *more])


def _placed(lesions: Lesions, head: Head) -> Lesions:
    """Lesions of the atlas in the patient's own millimetres."""
    moved = {
        "centres_mm": head.patient_points(lesions.centres_mm),
        "turns": lesions.turns @ head.rotation,
    }
    return Lesions(**vars(lesions) | moved)
