"""Tables of forecasts: errors with intervals by patient, and their share of a reference's error."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sequela.core.errors import InvalidInputError
from sequela.evaluation.forecasts.scores import ForecastScore
from sequela.metrics import Estimate, estimate, mean_estimate

Key = Callable[[ForecastScore], str]


@dataclass(frozen=True, kw_only=True)
class ForecastRow:
    """One method in one group of scans.

    Attributes:
        group: Values of what the table is split by.
        method: Who forecast.
        mse: In the lungs.
        psnr_db: In the lungs.
        ssim: In the lungs.
        of_reference: Mean squared error as a share of the reference's on the same scans.
        truth_of_reference: The same against the noise-free truth; None where it is not known.
    """

    group: tuple[str, ...]
    method: str
    mse: Estimate
    psnr_db: Estimate
    ssim: Estimate
    of_reference: Estimate
    truth_of_reference: Estimate | None


def table_of(
    scores: Iterable[ForecastScore],
    *,
    by: Sequence[Key] = (),
    reference: str = "last scan",
    are_given_counted: bool = False,
    draws: int = 1000,
) -> list[ForecastRow]:
    """Rows by group and method, in the order in which both first appear.

    Args:
        scores: Of all methods on the same scans.
        by: What the table is split by.
        reference: The method whose error is 1.
        are_given_counted: Also those scans that were given to the methods: the convention of
            4D-VQ-GAN's code, optimistic, and most for methods that repeat them.
        draws: Of the bootstrap, by patient.

    Raises:
        InvalidInputError: The reference is missing on some scan.
    """
    kept = [score for score in scores if are_given_counted or not score.is_given]
    base = {_scan(s): s for s in kept if s.method == reference}
    lost = [s for s in kept if _scan(s) not in base]
    if lost:
        raise InvalidInputError(
            f"`reference` {reference!r} must have forecast every scan, but has not that of patient "
            f"{lost[0].patient} at {lost[0].years:g} years. Score it too, or name another."
        )
    groups: dict[tuple[tuple[str, ...], str], list[ForecastScore]] = {}
    for score in kept:
        groups.setdefault((tuple(key(score) for key in by), score.method), []).append(score)
    return [_row(group, method, mine, base, draws) for (group, method), mine in groups.items()]


def as_markdown(rows: Sequence[ForecastRow], names: Sequence[str] = ()) -> str:
    """The rows as a table; `names` head the columns of what it is split by."""
    has_truth = any(row.truth_of_reference for row in rows)
    heads = [*names, "method", "scans (patients)", "MSE x 1000", "PSNR dB", "SSIM", "of last scan"]
    heads += ["of last scan, against the truth"] * has_truth
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in rows:
        mse = row.mse
        cells = [
            *row.group,
            row.method,
            f"{mse.cases} ({mse.patients})",
            f"{1000 * mse.value:.2f} [{1000 * mse.low:.2f}, {1000 * mse.high:.2f}]",
            f"{row.psnr_db.value:.2f} [{row.psnr_db.low:.2f}, {row.psnr_db.high:.2f}]",
            str(row.ssim),
            str(row.of_reference),
            *([str(row.truth_of_reference)] * has_truth),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _scan(score: ForecastScore) -> tuple[str, int, str, float]:
    return score.cohort, score.patient, score.mode, score.years


def _row(
    group: tuple[str, ...],
    method: str,
    mine: list[ForecastScore],
    base: dict[tuple[str, int, str, float], ForecastScore],
    draws: int,
) -> ForecastRow:
    patients = np.array([f"{s.cohort} {s.patient}" for s in mine])
    theirs = [base[_scan(s)] for s in mine]

    def share(name: str) -> Estimate:
        one, two = (np.array([getattr(s, name) for s in side]) for side in (mine, theirs))
        return estimate(lambda i: _ratio(one[i].sum(), two[i].sum()), patients, draws=draws)

    errors = np.array([s.mse for s in mine])
    decibels = -10 * np.log10(np.maximum(errors, 1e-10))  # 100 dB stands for equal volumes
    is_true = not any(np.isnan(s.mse_of_truth) for s in mine)
    return ForecastRow(
        group=group,
        method=method,
        mse=mean_estimate(errors, patients, draws=draws),
        psnr_db=mean_estimate(decibels, patients, draws=draws),
        ssim=mean_estimate(np.array([s.ssim for s in mine]), patients, draws=draws),
        of_reference=share("mse"),
        truth_of_reference=share("mse_of_truth") if is_true else None,
    )


def _ratio(one: float, two: float) -> float:
    return float(one / two) if two > 0 else float("nan")
