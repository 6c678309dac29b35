"""Words of the command line to values: findings, durations, regions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sequela.core import DAYS_PER_YEAR, InvalidInputError

_YEARS = {"y": 1.0, "mo": 1 / 12, "w": 7 / DAYS_PER_YEAR, "d": 1 / DAYS_PER_YEAR}
_LONGEST_YEARS = 120  # no patient is followed for longer


@dataclass(frozen=True, kw_only=True)
class AskedFinding:
    """`NAME[:WEIGHT][@REGION]` taken apart."""

    name: str
    weight: float
    region: Path | None


def parse_finding(words: str) -> AskedFinding:
    """Read `pleural effusion:0.8@left.png`."""
    rest, at, region = words.partition("@")
    name, colon, weight = rest.rpartition(":")
    if not colon:
        name, weight = rest, "1"
    try:
        value = float(weight)
    except ValueError:
        value = None
    if value is None or (at and not region):
        raise InvalidInputError(
            f"`--finding` must read NAME[:WEIGHT][@REGION], got {words!r}. "
            "For example: --finding 'effusion:0.8@left.png'."
        )
    return AskedFinding(name=name.strip(), weight=value, region=Path(region) if region else None)


def parse_duration(words: str, *, option: str = "--horizon") -> float:
    """Read `2y`, `18mo`, `6w` or `30d` as years."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(y|mo|w|d)", words.strip())
    years = 0.0 if match is None else float(match[1]) * _YEARS[match[2]]
    if not 0 < years <= _LONGEST_YEARS:
        raise InvalidInputError(
            f"`{option}` must be a number and a unit y, mo, w or d, above 0 and up to "
            f"{_LONGEST_YEARS} years, got {words[:40]!r}. For example: 18mo."
        )
    return years


def parse_date(option: str, words: str) -> date:
    """Read `2020-03-19`."""
    plain = words.strip()
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", plain):
            return date.fromisoformat(plain)
    except ValueError:  # such as the 30th of February
        pass
    raise InvalidInputError(
        f"`{option}` must be a day written as 2020-03-19, got {words[:40]!r}. Year, month and day, "
        "with hyphens."
    )


def parse_box(words: str) -> tuple[float, float, float, float]:
    """Read `10,20,200,220` as left, top, right and bottom in pixels."""
    left, top, right, bottom = _numbers("--region-box", words, 4, "10,20,200,220")
    return left, top, right, bottom


def parse_point(words: str) -> tuple[float, float]:
    """Read `120,80` as pixels across and down."""
    across, down = _numbers("--region-point", words, 2, "120,80")
    return across, down


def _numbers(option: str, words: str, count: int, example: str) -> list[float]:
    try:
        values = [float(part) for part in words.split(",")]
    except ValueError:
        values = []
    if len(values) != count:
        raise InvalidInputError(
            f"`{option}` must be {count} numbers with commas, got {words!r}. "
            f"For example: {example}."
        )
    return values


def run_names(inputs: Sequence[Path]) -> list[str]:
    """One folder name for each of several inputs: the stem, with a number where stems repeat."""
    names: list[str] = []
    for path in inputs:
        stem = path.name.split(".")[0] or path.name
        repeats = sum(n == stem or n.startswith(f"{stem}-") for n in names)
        names.append(f"{stem}-{repeats + 1}" if stem in names else stem)
    return names
