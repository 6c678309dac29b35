"""Files and dates of a patient's CT, and the times asked for, out of the command line's words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from sequela.cli.parsing import parse_date, parse_duration
from sequela.core import DAYS_PER_YEAR, InvalidInputError, Scan

DEFAULT_HORIZON, DEFAULT_EVERY = "3y", "6mo"
_MOST_STATES = 1000  # a list that no run should build; the exact limit is the engine's


@dataclass(frozen=True, kw_only=True, eq=False)
class LungVisits:
    """Scans of one patient with their days.

    Attributes:
        scans: The baseline first.
        dates: Of each, as told by the user or the headers.
        notices: What was corrected on reading.
        example: The drawn patient, where the bundled one was asked for.
    """

    scans: tuple[Scan, ...]
    dates: tuple[date, ...]
    notices: tuple[str, ...] = ()
    example: Any = field(default=None, repr=False)

    @property
    def days(self) -> list[float]:
        """After the baseline."""
        return [float((day - self.dates[0]).days) for day in self.dates]


def read_visits(options: dict[str, Any]) -> LungVisits:
    """All scans, in the order of their dates.

    Raises:
        InvalidInputError: Dates are missing, do not rise, or headers name two patients.
        UnreadableFileError: A file or folder holds no single volume.
    """
    from sequela.io import read_volume
    from sequela.simulators.lungs.example import NAME, example_patient
    from sequela.simulators.lungs.prepare import check_ct

    paths: list[Path] = list(options["scans"])
    example = None
    if [str(path) for path in paths] == [NAME] and not paths[0].exists():
        example = example_patient()
        paths = list(example.paths)
        start = date.fromisoformat(example.start)
        options = {**options, "dates": [str(start + timedelta(days=d)) for d in example.days]}
    words = options["dates"] or []
    if words and len(words) != len(paths):
        raise InvalidInputError(
            f"`--dates` must name one day for each of {len(paths)} scans, got {len(words)}. "
            "For example: --dates 2020-03-01 2021-04-12."
        )
    told = [parse_date("--dates", word) for word in words]
    if told:
        _check_rising(told)
    volumes = [read_volume(path, series=options.get("series")) for path in paths]
    for volume in volumes:
        check_ct(volume.scan)
    _check_one_patient(paths, [v.patient for v in volumes], options)
    dates = told or _header_dates([v.day for v in volumes])
    _check_rising(dates)
    return LungVisits(
        scans=tuple(v.scan for v in volumes),
        dates=tuple(dates),
        notices=tuple(notice for v in volumes for notice in v.notices),
        example=example,
    )


def wanted_years(visits: LungVisits, options: dict[str, Any]) -> list[float]:
    """The times asked for by `--at`, or by `--horizon` and `--every`, in years.

    Raises:
        InvalidInputError: Both are given, or a day lies before the baseline.
    """
    from sequela.simulators.lungs.asked import times_until

    if options["at"]:
        if options["horizon"] or options["every"]:
            raise InvalidInputError(
                "`--at` cannot be given together with `--horizon` or `--every`. Choose one way."
            )
        asked = [parse_date("--at", words) for words in options["at"]]
        early = [day for day in asked if day <= visits.dates[0]]
        if early:
            raise InvalidInputError(
                f"`--at` must lie after the baseline of {visits.dates[0]}, got {early[0]}. Take an "
                "earlier scan as baseline, or ask for a later day."
            )
        return [(day - visits.dates[0]).days / DAYS_PER_YEAR for day in asked]
    horizon = parse_duration(options["horizon"] or DEFAULT_HORIZON)
    step = parse_duration(options["every"] or DEFAULT_EVERY, option="--every")
    return times_until(horizon, step, names=("--horizon", "--every"))


def years_between(visits: LungVisits, options: dict[str, Any]) -> list[float]:
    """Times between two visits: by `--at`, by `--every`, or the quarters of the way.

    Raises:
        InvalidInputError: A day does not lie between them.
    """
    span = visits.days[-1]
    if options["at"]:
        asked = [parse_date("--at", words) for words in options["at"]]
        for day in asked:
            if not visits.dates[0] < day < visits.dates[-1]:
                raise InvalidInputError(
                    f"`--at` must lie between the visits, after {visits.dates[0]} and before "
                    f"{visits.dates[-1]}, got {day}. Beyond them works `sequela extrapolate`."
                )
        return [(day - visits.dates[0]).days / DAYS_PER_YEAR for day in asked]
    step = span / 4
    if options["every"]:
        step = parse_duration(options["every"], option="--every") * DAYS_PER_YEAR
        if not span / _MOST_STATES < step < span:
            raise InvalidInputError(
                f"`--every` must be shorter than the {span:g} days between the visits, and not "
                f"ask for more than {_MOST_STATES} states, got {options['every']}."
            )
    return [float(day) / DAYS_PER_YEAR for day in np.arange(step, span - 1e-6, step)]


def known_lungs(path: Path | None) -> Any:
    """The mask in a file, on the baseline's grid; None where none is given."""
    if path is None:
        return None
    from sequela.io import read_region_file

    mask = read_region_file(path).array >= 0.5
    if mask.ndim != 3:
        raise InvalidInputError(
            f"`--lungs` must be a volume on the baseline's grid, but {path.name} is a picture. "
            "Save it as NIfTI."
        )
    return mask


def _check_rising(dates: Sequence[date]) -> None:
    for earlier, later in pairwise(dates):
        if later == earlier:
            raise InvalidInputError(
                f"`--dates` must name every day once, got {later} twice. Keep one scan of a day, "
                "or correct the dates."
            )
        if later < earlier:
            raise InvalidInputError(
                f"`--dates` must rise, got {earlier} and then {later}. Give the scans in the order "
                "of their dates, the baseline first."
            )


def _header_dates(days: Sequence[date | None]) -> list[date]:
    known = [day for day in days if day is not None]
    if len(known) == len(days):
        return known
    if len(days) == 1:
        return [date(2000, 1, 1)]  # one scan alone: only time since matters
    raise InvalidInputError(
        "`--dates` must name the day of each scan, which the files do not tell. For example: "
        "--dates 2020-03-01 2021-04-12."
    )


def _check_one_patient(
    paths: Sequence[Path], patients: Sequence[str | None], options: dict[str, Any]
) -> None:
    named = [(path, who) for path, who in zip(paths, patients, strict=True) if who]
    for path, who in named[1:]:
        if who != named[0][1] and not options["allow_different_patients"]:
            raise InvalidInputError(
                f"`SCAN` must all show one patient, but the DICOM headers of {named[0][0].name} "
                f"and {path.name} name two different ones. Give scans of one patient, or add "
                "--allow-different-patients if the identities were only replaced."
            )
