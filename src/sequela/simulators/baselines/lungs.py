"""What a forecast of lung CT must beat, and the ceiling that it cannot pass.

Each is a callable of scans, their dates and the dates asked for, to volumes in HU. All treat scans
as registered on the first, on one grid.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter

from sequela.cohorts.synthetic.lungs import LungPatient
from sequela.cohorts.synthetic.lungs.design import TREATED
from sequela.cohorts.synthetic.lungs.growth import draw_growth
from sequela.core.errors import InvalidInputError

Volumes = Float[np.ndarray, "time depth height width"]
Years = Float[np.ndarray, " time"]
Forecast = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(scans [T, D, H, W] in HU, their years [T], years asked for [A]) to volumes [A, D, H, W]."""
LOWEST_HU, HIGHEST_HU = -1024.0, 1500.0
_DRAWS, _SHOWN = 6000, 8  # courses of the oracle; volumes that stand for them
_EXTENT_ERROR = 0.006  # of an extent read off a scan, standard deviation


def last_scan(scans: np.ndarray, years: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The newest scan at or before each date; the first one for dates before it."""
    _check(scans, years)
    newest = np.searchsorted(years, asked, side="right") - 1
    return np.asarray(scans[np.maximum(newest, 0)], np.float32)


def linear(scans: np.ndarray, years: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Intensities blended between the two nearest scans, and carried on along that line beyond."""
    return np.asarray(np.clip(_on_lines(scans, years, asked), LOWEST_HU, HIGHEST_HU))


def latent_linear(
    encode: Callable[[np.ndarray], np.ndarray], decode: Callable[[np.ndarray], np.ndarray]
) -> Forecast:
    """The same line among latents.

    Args:
        encode: Volumes [T, D, H, W] in HU to latents [T, ...].
        decode: The way back.
    """

    def forecast(scans: np.ndarray, years: np.ndarray, asked: np.ndarray) -> np.ndarray:
        return decode(_on_lines(encode(scans), years, asked))

    return forecast


@dataclass(frozen=True, kw_only=True, eq=False)
class PopulationDrift:
    """The last scan, changed as the lungs of the training patients changed on average.

    Attributes:
        hu_per_year: Mean change at each place of the grid.
        lungs: Where the patient at hand has lung; all else stays. None changes every voxel.
    """

    hu_per_year: Float[np.ndarray, "depth height width"]
    lungs: Bool[np.ndarray, "depth height width"] | None = None

    def __call__(self, scans: np.ndarray, years: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """Volumes at the dates asked for; see `Forecast`."""
        last = last_scan(scans, years, asked)
        since = asked - years[np.maximum(np.searchsorted(years, asked, side="right") - 1, 0)]
        drift = self.hu_per_year if self.lungs is None else self.hu_per_year * self.lungs
        moved = last + since.astype(np.float32)[:, None, None, None] * drift
        return np.asarray(np.clip(moved, LOWEST_HU, HIGHEST_HU), np.float32)


def fit_drift(
    cases: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]], *, smooth: float = 2.0
) -> PopulationDrift:
    """The mean change a year at each place of the grid, in the lungs of training patients.

    Args:
        cases: Scans [T, D, H, W], years [T] and lung mask of each patient, all on one grid.
        smooth: Voxels, standard deviation: patients are not registered on one another.
    """
    total, weight = np.float64(0), np.float64(0)
    for scans, years, lungs in cases:
        _check(scans, years)
        span = years[-1] - years[0]
        change = (scans[-1].astype(np.float64) - scans[0]) * lungs
        total, weight = total + change * span, weight + lungs * span**2
    drift = gaussian_filter(total, smooth) / np.maximum(gaussian_filter(weight, smooth), 0.5)
    return PopulationDrift(hu_per_year=drift.astype(np.float32))


def oracle(patient: LungPatient) -> Forecast:
    """The true law with the patient's own numbers unknown: the ceiling for any forecast.

    It knows anatomy, pattern, law, arm and the ranges of the cohort; it reads an extent off each
    given scan, weighs random courses of that law by how well they meet these, and shows their mean.
    """

    def forecast(scans: np.ndarray, years: np.ndarray, asked: np.ndarray) -> np.ndarray:
        _check(scans, years)
        read = np.array([read_extent(patient, scan) for scan in scans])
        extents = _expected(patient, read, years, asked)
        means = [
            np.mean([patient.truth_at(float(e)) for e in column], axis=0) for column in extents.T
        ]
        return np.stack(means).astype(np.float32)

    return forecast


def read_extent(patient: LungPatient, scan: Float[np.ndarray, "depth height width"]) -> float:
    """The extent whose true volume is nearest to a scan, by a search that narrows."""
    inside = patient.lung_mask()
    seen, healthy = scan[inside], patient.chest.hu[inside]
    low, high = 0.0, 0.75
    for _ in range(3):
        tried = np.linspace(low, high, 13)
        misses = [
            np.square(patient.fibrosis.lay_over(healthy, float(e)) - seen).mean() for e in tried
        ]
        best, step = tried[int(np.argmin(misses))], tried[1] - tried[0]
        low, high = max(best - step, 0.0), best + step
    return float(best)


def _expected(
    patient: LungPatient, read: np.ndarray, years: np.ndarray, asked: np.ndarray
) -> Float[np.ndarray, "shown asked"]:
    """Extents at the dates asked for, of courses drawn by how well they meet what was read."""
    rng = np.random.default_rng([patient.seed, 101])
    ratio = patient.design.rate_ratio if patient.arm == TREATED else 1.0
    dates = np.concatenate([years, asked])
    courses = np.stack(
        [
            draw_growth(rng, patient.design, law=patient.law).slowed(ratio).extent(dates)
            for _ in range(_DRAWS)
        ]
    )
    miss = np.square((courses[:, : len(years)] - read) / _EXTENT_ERROR).sum(1) / 2
    # few courses meet many scans: widen until some do
    widen = max(1.0, float(np.partition(miss, 20)[20]))
    weight = np.exp(-(miss - miss.min()) / widen)
    places = (np.arange(_SHOWN) + 0.5) / _SHOWN
    shown = np.empty((_SHOWN, len(asked)))
    for column in range(len(asked)):
        extents = courses[:, len(years) + column]
        order = np.argsort(extents)
        reached = np.cumsum(weight[order]) / weight.sum()
        shown[:, column] = np.interp(places, reached, extents[order])
    return shown


def _on_lines(values: np.ndarray, years: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Values on the line through the two observations around, or next to, each date."""
    _check(values, years)
    if len(years) == 1:
        return np.repeat(np.asarray(values, np.float32), len(asked), axis=0)
    after = np.clip(np.searchsorted(years, asked, side="right"), 1, len(years) - 1)
    share = (asked - years[after - 1]) / (years[after] - years[after - 1])
    share = share.astype(np.float32).reshape(-1, *(1,) * (values.ndim - 1))
    before = np.asarray(values[after - 1], np.float32)
    return np.asarray(before + share * (values[after] - before))


def _check(scans: np.ndarray, years: np.ndarray) -> None:
    if len(scans) != len(years) or not len(years) or (np.diff(years) <= 0).any():
        raise InvalidInputError(
            f"`years` must rise and be one for each of at least one scan, got {list(years)} for "
            f"{len(scans)} scans. Sort the scans by date and keep one of each date."
        )
