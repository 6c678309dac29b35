"""What a forecast of lungs is asked: dates of the scans, times wanted, facts, seed, samples."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from sequela.core import DAYS_PER_YEAR, InvalidInputError
from sequela.core.checks import check_count, check_positive
from sequela.simulators.lungs.facts import PatientFacts

LONGEST_YEARS = 20.0  # after the baseline; of no lung so much is known for so long
MOST_STATES = 60
_MOST_TIMES = 1000  # a list that nobody should build
_SAME_DAY = 2 / DAYS_PER_YEAR  # a year has 365 or 366 days; nobody asks for the day beside a scan


@dataclass(frozen=True, kw_only=True)
class ForecastRequest:
    """One question; `asked` checks days and times.

    Attributes:
        years: Of the scans, rising from 0.
        wanted_years: After the baseline, rising, none of them a scan's.
        facts: Of the patient.
        seed: Of the first sample.
        samples: Draws.
    """

    years: tuple[float, ...]
    wanted_years: tuple[float, ...]
    facts: PatientFacts = field(default_factory=PatientFacts)
    seed: int = 0
    samples: int = 1

    def __post_init__(self) -> None:
        check_count("samples", self.samples)
        check_count("seed", self.seed, minimum=0, hint="Any whole number from 0 up will do.")

    @property
    def is_alone(self) -> bool:
        """Whether there is one scan only."""
        return len(self.years) == 1

    def to_json(self) -> dict[str, Any]:
        """As a record keeps it, in days."""
        return {
            "days": [round(y * DAYS_PER_YEAR, 4) for y in self.years],
            "wanted_days": [round(y * DAYS_PER_YEAR, 4) for y in self.wanted_years],
            "samples": self.samples,
            "facts": {k: v for k, v in vars(self.facts).items() if v is not None},
        }

    @classmethod
    def from_json(cls, values: Any, seed: int) -> "ForecastRequest":
        """Back from a record."""
        return cls(
            years=tuple(day / DAYS_PER_YEAR for day in values["days"]),
            wanted_years=tuple(day / DAYS_PER_YEAR for day in values["wanted_days"]),
            facts=PatientFacts(**values["facts"]),
            seed=seed,
            samples=int(values["samples"]),
        )


def check_days(days: Sequence[float], count: int) -> list[float]:
    """Days after the first scan as years; they must rise from 0, one for each scan.

    Raises:
        InvalidInputError: They do not.
    """
    if len(days) != count or not count:
        raise InvalidInputError(
            f"`days` must be one for each of {count} scans, got {len(days)}. Name all dates."
        )
    if float(days[0]) != 0 or any(not b > a for a, b in pairwise(days)):
        raise InvalidInputError(
            f"`days` must rise from 0, got {[round(float(d), 1) for d in days]}. Give the scans in "
            "the order of their dates, one of a day."
        )
    return [float(day) / DAYS_PER_YEAR for day in days]


def times_until(
    horizon_years: float,
    every_years: float,
    names: tuple[str, str] = ("horizon_years", "every_years"),
) -> list[float]:
    """Every so many years after the baseline, and the horizon itself.

    `names` are what the caller's user calls the two.

    Raises:
        InvalidInputError: The horizon is too far, or the interval asks for too many times.
    """
    horizon_name, every_name = names
    check_positive(every_name, every_years)
    if not 0 < horizon_years <= LONGEST_YEARS:
        raise InvalidInputError(
            f"`{horizon_name}` must be above 0 and at most {LONGEST_YEARS:g} years after the "
            f"baseline, got {horizon_years:g}. No lung was followed long enough to learn from."
        )
    if horizon_years / every_years > _MOST_TIMES:
        raise InvalidInputError(
            f"`{every_name}` {every_years:g} years asks for "
            f"{horizon_years / every_years:.0f} states. Ask for fewer."
        )
    times = [n * every_years for n in range(1, int(horizon_years / every_years + 1e-9) + 1)]
    return sorted({round(when, 9) for when in [*times, horizon_years]})


def check_times(wanted_years: Sequence[float], years: Sequence[float]) -> list[float]:
    """Times asked for, sorted, without those of the visits themselves.

    Raises:
        InvalidInputError: One lies before the baseline or too far after it, or they are too many.
    """
    for when in wanted_years:
        if not 0 <= when <= LONGEST_YEARS:  # nan fails every comparison
            where = "before the baseline" if when < 0 else "too far after it"
            raise InvalidInputError(
                f"`wanted_years` must lie from 0 to {LONGEST_YEARS:g} years after the baseline, "
                f"got {when:.3g}, {where}. Take an earlier scan as baseline, or ask for less."
            )
    asked = sorted({float(when) for when in wanted_years})
    kept = [w for w in asked if all(abs(w - y) > _SAME_DAY for y in years)]
    if not kept:
        raise InvalidInputError(
            "`wanted_years` must name a time at which there is no scan, got "
            f"{[round(w, 3) for w in asked]}. Ask for a date between or after the scans."
        )
    if len(kept) > MOST_STATES:
        raise InvalidInputError(
            f"`wanted_years` must name at most {MOST_STATES} times, got {len(kept)}. "
            "Ask less often."
        )
    return kept
