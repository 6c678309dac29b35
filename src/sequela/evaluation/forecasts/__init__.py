"""Forecasts of volumes against what came: scores of each scan, tables with intervals by patient.

scores = [score for case in cases for score in score_case(case, methods)]
table_of(scores, by=("law", "horizon"))
"""

from sequela.evaluation.forecasts.cases import MODES, ForecastCase, horizon_of, score_case
from sequela.evaluation.forecasts.rates import RateRatio, rate_ratio
from sequela.evaluation.forecasts.scores import ForecastScore, read_scores, write_scores
from sequela.evaluation.forecasts.tables import ForecastRow, as_markdown, table_of

__all__ = [
    "MODES",
    "ForecastCase",
    "ForecastRow",
    "ForecastScore",
    "RateRatio",
    "as_markdown",
    "horizon_of",
    "rate_ratio",
    "read_scores",
    "score_case",
    "table_of",
    "write_scores",
]
