"""One row for each forecast of a scan, and the CSV that keeps them."""

import csv
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sequela.core.errors import UnreadableFileError


@dataclass(frozen=True, kw_only=True)
class ForecastScore:
    """A method's forecast of one scan.

    Attributes:
        cohort: Where the patient is from.
        patient: Who.
        group: What patients are told apart by, as the law of growth or the arm.
        mode: Which scans were given: see `MODES`.
        method: Who forecast.
        is_given: Whether this very scan was among them: the published convention counts those.
        years: Of the scan, from baseline.
        since_years: From the newest given scan at or before it.
        mse: Against the scan, in the lungs, of values in [0, 1].
        psnr_db: The same in dB.
        ssim: Structural similarity in the lungs.
        mse_of_truth: Against the noise-free truth, where it is known; else nan.
        extent: Dense share of the forecast's lungs.
        extent_of_scan: Of the scan's.
        extent_of_truth: Planted, where it is known; else nan.
    """

    cohort: str
    patient: int
    group: str
    mode: str
    method: str
    is_given: bool
    years: float
    since_years: float
    mse: float
    psnr_db: float
    ssim: float
    mse_of_truth: float
    extent: float
    extent_of_scan: float
    extent_of_truth: float


def write_scores(scores: Iterable[ForecastScore], path: Path) -> None:
    """Add scores to a CSV, which is made with its head where it is missing."""
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(ForecastScore)])
        if is_new:
            writer.writeheader()
        for score in scores:
            writer.writerow(_plain(score))


def read_scores(path: Path) -> list[ForecastScore]:
    """The scores of a CSV.

    Raises:
        UnreadableFileError: A column is missing or a value is no number.
    """
    with path.open(newline="", encoding="utf-8") as file:
        try:
            return [_score(row) for row in csv.DictReader(file)]
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableFileError(
                f"`path` {path.name} holds no scores of this version ({error}). Score again."
            ) from error


def _plain(score: ForecastScore) -> dict[str, object]:
    values = asdict(score)
    return {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in values.items()}


def _score(row: dict[str, str]) -> ForecastScore:
    readers: dict[Any, Callable[[str], Any]] = {
        str: str,
        int: int,
        float: float,
        bool: lambda text: text == "True",
    }
    values = {field.name: readers[field.type](row[field.name]) for field in fields(ForecastScore)}
    return ForecastScore(**values)
