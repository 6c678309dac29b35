"""A patient whose scans are known, and every method's forecasts of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sequela.core.checks import check_choice
from sequela.core.errors import InvalidInputError
from sequela.evaluation.forecasts.scores import ForecastScore
from sequela.metrics.lung_measures import lung_measures
from sequela.metrics.volumes import masked_mse, volume_similarity

MODES = ("extrapolation", "interpolation", "baseline")
"""Given are the first two scans, the first and the last one, or the first alone."""

Forecast = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(scans [T, D, H, W] in HU, their years [T], years asked for [A]) to volumes [A, D, H, W]."""
_HORIZONS = ((1.0, "under 1 year"), (2.0, "1 to 2 years"), (3.0, "2 to 3 years"))


@dataclass(frozen=True, kw_only=True, eq=False)
class ForecastCase:
    """One patient's scans, registered on the first.

    Attributes:
        cohort: Where the patient is from.
        patient: A number.
        group: What patients are told apart by.
        scans: HU.
        years: Of the scans, rising from 0.
        lungs: Of the first scan.
        voxel_ml: Of one voxel.
        truths: Noise-free volumes at the same dates, where they are known.
        extents: Planted extents at the same dates, where they are known.
    """

    cohort: str
    patient: int
    group: str
    scans: Float[np.ndarray, "scan depth height width"]
    years: Float[np.ndarray, " scan"]
    lungs: Bool[np.ndarray, "depth height width"]
    voxel_ml: float
    truths: Float[np.ndarray, "scan depth height width"] | None = None
    extents: Float[np.ndarray, " scan"] | None = None

    def given(self, mode: str) -> list[int]:
        """Scans that a mode gives.

        Raises:
            UnknownNameError: No such mode.
            InvalidInputError: There are too few scans to leave one out.
        """
        check_choice("mode", mode, MODES)
        last = len(self.years) - 1
        chosen = {"extrapolation": [0, 1], "interpolation": [0, last], "baseline": [0]}[mode]
        if last + 1 <= len(chosen):
            raise InvalidInputError(
                f"`mode` {mode} needs more than {len(chosen)} scans, got {last + 1}. "
                "Leave that patient out."
            )
        return chosen


def score_case(
    case: ForecastCase, methods: Mapping[str, Forecast], *, mode: str
) -> Iterator[ForecastScore]:
    """Every method's forecast of each of a patient's scans, given ones included and marked.

    Args:
        case: The patient.
        methods: By name.
        mode: Which scans are given.
    """
    given = case.given(mode)
    known = case.years[given]
    for name, forecast in methods.items():
        made = forecast(case.scans[given], known, case.years)
        for index, volume in enumerate(made):
            yield _score(case, mode, name, index, volume, given)


def horizon_of(score: ForecastScore) -> str:
    """The band of years since the newest given scan, as tables name it."""
    for limit, name in _HORIZONS:
        if score.since_years < limit:
            return name
    return "3 years and more"


def _score(  # whose, how, who, which scan, what was made of it
    case: ForecastCase,
    mode: str,
    method: str,
    index: int,
    made: Float[np.ndarray, "depth height width"],
    given: list[int],
) -> ForecastScore:
    likeness = volume_similarity(made, case.scans[index], case.lungs)
    truth = np.nan
    if case.truths is not None:
        truth = masked_mse(made, case.truths[index], case.lungs)
    years = float(case.years[index])
    before = [float(case.years[i]) for i in given if case.years[i] <= years]
    return ForecastScore(
        cohort=case.cohort,
        patient=case.patient,
        group=case.group,
        mode=mode,
        method=method,
        is_given=index in given,
        years=years,
        since_years=years - max(before),
        mse=likeness.mse,
        psnr_db=likeness.psnr_db,
        ssim=likeness.ssim,
        mse_of_truth=float(truth),
        extent=_extent(case, made),
        extent_of_scan=_extent(case, case.scans[index]),
        extent_of_truth=np.nan if case.extents is None else float(case.extents[index]),
    )


def _extent(case: ForecastCase, volume: Float[np.ndarray, "depth height width"]) -> float:
    return lung_measures(volume, case.lungs, case.voxel_ml).fibrosis_extent
