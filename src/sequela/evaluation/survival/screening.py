"""Choosing codes: one Cox model a code beside age, sex and smoking, all codes at once.

A code is kept when, in every fold, its hazard ratio exceeds 1 at p < .01 in the training part and
the model's C-index exceeds .5 in the left-out part; the best by mean left-out C are taken.

Source: 4D-VQ-GAN, arXiv:2502.05713, section on biomarkers. Departs from its code, which has no
folds. Ties by Breslow; follow-up in days hardly has any.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Float, Int

from sequela.evaluation.survival.concordance import concordance
from sequela.evaluation.survival.outcomes import Outcomes, folds_of

_NEWTON, _LARGEST_STEP = 25, 2.0
_DAMPING = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Screen:
    """What each code tells of survival.

    Attributes:
        hazard_ratio: For one standard deviation of the code's share; one a fold.
        p_value: Of it (Wald).
        left_out_c: C-index in the left-out part.
        chosen: Codes kept, best first.
    """

    hazard_ratio: Float[np.ndarray, "fold code"]
    p_value: Float[np.ndarray, "fold code"]
    left_out_c: Float[np.ndarray, "fold code"]
    chosen: Int[np.ndarray, " kept"]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Rules of the choice."""

    folds: int = 5
    largest_p: float = 0.01
    smallest_c: float = 0.5
    most: int = 5
    # a code that few lungs show cannot be told from a patient's number
    smallest_share_of_patients: float = 0.1


def screen_codes(
    histograms: Float[np.ndarray, "patient code"],
    outcomes: Outcomes,
    *,
    rules: Selection | None = None,
    seed: int = 0,
) -> Screen:
    """Screen every code over folds of patients.

    Args:
        histograms: Share of each code, or its change.
        outcomes: Of the same patients.
        rules: Of the choice.
        seed: Of the folds.

    Raises:
        InvalidInputError: There are fewer deaths than folds.
    """
    rules = rules or Selection()
    fold = folds_of(outcomes.died, rules.folds, seed)
    ratios, values, scores = [], [], []
    for left_out in range(rules.folds):
        ratio, p_value, c = _one_fold(histograms, outcomes, fold == left_out)
        ratios.append(ratio)
        values.append(p_value)
        scores.append(c)
    ratios_, values_, scores_ = np.stack(ratios), np.stack(values), np.stack(scores)
    shown = (histograms != 0).mean(0) >= rules.smallest_share_of_patients
    good = (ratios_ > 1) & (values_ < rules.largest_p) & (scores_ > rules.smallest_c)
    kept = np.flatnonzero(good.all(0) & shown)
    best = kept[np.argsort(-scores_[:, kept].mean(0), kind="stable")][: rules.most]
    return Screen(hazard_ratio=ratios_, p_value=values_, left_out_c=scores_, chosen=best)


def cox_each(
    features: Float[np.ndarray, "patient code"], outcomes: Outcomes
) -> tuple[Float[np.ndarray, "code 4"], Float[np.ndarray, " code"]]:
    """Coefficients (the feature, then the chart) and p-value of the feature, one model each.

    Newton's method on the partial likelihood of all models at once; features as they are given.
    """
    order = np.argsort(-outcomes.time_years, kind="stable")
    died = outcomes.died[order]
    chart = (outcomes.chart - outcomes.chart.mean(0))[order]
    rows = np.concatenate(
        [
            (features - features.mean(0))[order].T[:, :, None],
            np.broadcast_to(chart, (features.shape[1], *chart.shape)),
        ],
        axis=2,
    )
    beta = np.zeros((rows.shape[0], rows.shape[2]))
    last = _last_at_risk(outcomes.time_years[order])
    for _ in range(_NEWTON):
        slope, curve = _derivatives(rows, died, beta, last)
        step = np.linalg.solve(curve, slope[..., None])[..., 0]
        beta += np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)
        if np.abs(step).max() < 1e-7:
            break
    error = np.sqrt(np.maximum(np.linalg.inv(curve)[:, 0, 0], 0))
    sizes = np.abs(beta[:, 0]) / np.maximum(error, 1e-12)
    return beta, np.array([2 * NormalDist().cdf(-float(size)) for size in sizes])


def _derivatives(
    rows: np.ndarray, died: Bool[np.ndarray, " patient"], beta: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """First and negative second derivative of the log partial likelihood, latest patients first."""
    score = np.einsum("cnp,cp->cn", rows, beta)
    weight = np.exp(score - score.max(1, keepdims=True))
    at_risk = np.cumsum(weight, 1)[:, last][:, died]
    first = np.cumsum(weight[..., None] * rows, 1)[:, last][:, died] / at_risk[..., None]
    square = weight[..., None, None] * rows[..., :, None] * rows[..., None, :]
    second = np.cumsum(square, 1)[:, last][:, died] / at_risk[..., None, None]
    slope = (rows[:, died] - first).sum(1)
    curve = (second - first[..., :, None] * first[..., None, :]).sum(1)
    return slope, curve + _DAMPING * np.eye(rows.shape[2])


def _last_at_risk(time: np.ndarray) -> np.ndarray:
    """Of times in falling order: the last index with the same time, for each."""
    return np.searchsorted(-time, -time, side="right") - 1


def _one_fold(
    histograms: np.ndarray, outcomes: Outcomes, left_out: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    train, test = outcomes.only(~left_out), outcomes.only(left_out)
    mean, spread = histograms[~left_out].mean(0), histograms[~left_out].std(0)
    scaled = (histograms - mean) / np.where(spread > 0, spread, np.inf)
    mean, spread = train.chart.mean(0), train.chart.std(0)
    scale = np.where(spread > 0, spread, np.inf)
    chart = (outcomes.chart - mean) / scale
    held = Outcomes(time_years=train.time_years, died=train.died, chart=chart[~left_out])
    beta, p_value = cox_each(scaled[~left_out], held)
    risk = scaled[left_out] * beta[:, 0] + chart[left_out] @ beta[:, 1:].T
    c = np.array([concordance(column, test) for column in risk.T])
    return np.exp(beta[:, 0]), p_value, c
