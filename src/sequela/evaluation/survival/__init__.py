"""Codebook biomarkers and survival: chosen in folds, judged out of sample.

histograms = np.stack([code_histogram(c, m, num_codes=256) for c, m in scans])
fit = cross_fit(histograms, outcomes)
fit.c_index(outcomes), permuted_null(histograms, outcomes).mean()
"""

from sequela.evaluation.survival.concordance import (
    concordance,
    concordance_difference,
    concordance_estimate,
)
from sequela.evaluation.survival.cox import CoxModel, fit_cox
from sequela.evaluation.survival.crossfit import CrossFit, cross_fit, in_sample, permuted_null
from sequela.evaluation.survival.histograms import change_per_year, code_histogram
from sequela.evaluation.survival.outcomes import Outcomes
from sequela.evaluation.survival.plots import forest, kaplan_meier
from sequela.evaluation.survival.screening import Screen, Selection, screen_codes
from sequela.evaluation.survival.table import SurvivalRow, as_markdown, survival_table

__all__ = [
    "CoxModel",
    "CrossFit",
    "Outcomes",
    "Screen",
    "Selection",
    "SurvivalRow",
    "as_markdown",
    "change_per_year",
    "code_histogram",
    "concordance",
    "concordance_difference",
    "concordance_estimate",
    "cross_fit",
    "fit_cox",
    "forest",
    "in_sample",
    "kaplan_meier",
    "permuted_null",
    "screen_codes",
    "survival_table",
]
