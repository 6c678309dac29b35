"""A Cox model of a few features beside the chart, by lifelines, with ridge when events are few."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from sequela.core.errors import MissingExtraError
from sequela.evaluation.survival.outcomes import CHART, Outcomes

FEWEST_EVENTS_PER_VARIABLE = 10.0  # below it, unpenalised hazard ratios run away
RIDGE = 0.1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class CoxModel:
    """A fitted model; hazard ratios are for one standard deviation of a feature.

    Attributes:
        names: Of the features, the chart's last.
        log_ratios: Coefficients.
        low: Lower end of each 95 % interval, of the log ratio.
        high: Upper end.
        p_values: Wald.
        mean: Taken off each feature.
        spread: Each feature was divided by.
        events_per_variable: Deaths for each coefficient.
        ridge: Penalty used, 0 for none; with one, intervals and p-values are only a guide.
    """

    names: tuple[str, ...]
    log_ratios: Float[np.ndarray, " feature"]
    low: Float[np.ndarray, " feature"]
    high: Float[np.ndarray, " feature"]
    p_values: Float[np.ndarray, " feature"]
    mean: Float[np.ndarray, " feature"]
    spread: Float[np.ndarray, " feature"]
    events_per_variable: float
    ridge: float

    def risk(self, features: Float[np.ndarray, "patient code"], outcomes: Outcomes) -> np.ndarray:
        """Log hazard of patients against the mean patient; of `outcomes` only the chart is read."""
        table = np.concatenate([features, outcomes.chart], axis=1)
        return np.asarray((table - self.mean) / self.spread @ self.log_ratios)


def fit_cox(
    features: Float[np.ndarray, "patient code"],
    outcomes: Outcomes,
    *,
    names: tuple[str, ...] = (),
    ridge: float | None = None,
) -> CoxModel:
    """Fit a Cox model of features and chart.

    Args:
        features: None or some, as columns; constant ones get a ratio of 1.
        outcomes: Of the same patients.
        names: Of the features; numbered by default.
        ridge: Penalty; by default `RIDGE` below ten deaths a coefficient, else 0. It is logged.

    Raises:
        MissingExtraError: lifelines is not installed.
    """
    table = np.concatenate([features, outcomes.chart], axis=1).astype(np.float64)
    labels = (*(names or tuple(f"code {i}" for i in range(features.shape[1]))), *CHART)
    spread = table.std(0)
    varies = spread > 1e-12
    per_variable = float(outcomes.died.sum()) / max(int(varies.sum()), 1)
    if ridge is None:
        ridge = RIDGE if per_variable < FEWEST_EVENTS_PER_VARIABLE else 0.0
    _log.info("Cox model: %.1f events per variable, ridge %g", per_variable, ridge)
    spread = np.where(varies, spread, 1.0)
    scaled = ((table - table.mean(0)) / spread)[:, varies]
    summary = _lifelines_fit(scaled, outcomes, ridge)
    full = {key: np.zeros(len(labels)) for key in summary} | {"p": np.ones(len(labels))}
    for key, values in summary.items():
        full[key][varies] = values
    return CoxModel(
        names=labels,
        log_ratios=full["coef"],
        low=full["coef lower 95%"],
        high=full["coef upper 95%"],
        p_values=full["p"],
        mean=table.mean(0),
        spread=spread,
        events_per_variable=per_variable,
        ridge=ridge,
    )


def lifelines() -> Any:
    """The package.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import lifelines as package
    except ImportError as error:
        raise MissingExtraError(
            "Survival analysis needs lifelines. Install it: pip install 'sequela[survival]'."
        ) from error
    return package


def _lifelines_fit(table: np.ndarray, outcomes: Outcomes, ridge: float) -> dict[str, np.ndarray]:
    package = lifelines()
    import pandas as pd

    columns = [f"x{i}" for i in range(table.shape[1])]
    frame = pd.DataFrame(table, columns=columns)
    frame["time"], frame["died"] = outcomes.time_years, outcomes.died.astype(int)
    fitter = package.CoxPHFitter(penalizer=ridge)
    fitter.fit(frame, duration_col="time", event_col="died")
    wanted = ("coef", "coef lower 95%", "coef upper 95%", "p")
    return {key: np.asarray(fitter.summary[key], np.float64) for key in wanted}
