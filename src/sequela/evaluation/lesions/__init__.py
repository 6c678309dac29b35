"""Forecasts of lesions against what came, and against what would have come under other arms.

scored.add(answer, place_scores(answer, outcome))       # patient by patient
figures(scored, lesions)                                # with intervals
"""

from sequela.evaluation.lesions.counterfactuals import (
    ArmCounts,
    ArmEffect,
    arm_effect,
    policy_gain,
    policy_values,
)
from sequela.evaluation.lesions.scores import (
    Outcome,
    place_log_likelihood,
    place_scores,
    region_count_error,
)
from sequela.evaluation.lesions.tables import (
    Scored,
    as_markdown,
    count_columns,
    figures,
    paired,
    place_columns,
)

__all__ = [
    "ArmCounts",
    "ArmEffect",
    "Outcome",
    "Scored",
    "arm_effect",
    "as_markdown",
    "count_columns",
    "figures",
    "paired",
    "place_columns",
    "place_log_likelihood",
    "place_scores",
    "policy_gain",
    "policy_values",
    "region_count_error",
]
