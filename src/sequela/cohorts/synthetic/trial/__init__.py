"""A trial in multiple sclerosis whose truth is known: natural history, treatment, MR images.

    subject = draw_subject(seed=0)
    subject.images()["FLAIR"], subject.baseline_mask      # what a forecaster sees
    subject.net2("placebo", 2.0), subject.count("natalizumab", 2.0)      # what it must forecast

The counterfactuals are coupled: under a stronger arm a subset of the same lesions comes.
"""

from sequela.cohorts.synthetic.trial.arms import PLACEBO, Arm, find_arm, load_arms
from sequela.cohorts.synthetic.trial.design import TrialDesign
from sequela.cohorts.synthetic.trial.oracle import Oracle, consult
from sequela.cohorts.synthetic.trial.reader import Reader, Reading
from sequela.cohorts.synthetic.trial.response import planted_zero_share
from sequela.cohorts.synthetic.trial.subject import (
    MINI_GRID,
    Covariates,
    Future,
    TrialSubject,
    draw_subject,
)

__all__ = [
    "MINI_GRID",
    "PLACEBO",
    "Arm",
    "Covariates",
    "Future",
    "Oracle",
    "Reader",
    "Reading",
    "TrialDesign",
    "TrialSubject",
    "consult",
    "draw_subject",
    "find_arm",
    "load_arms",
    "planted_zero_share",
]
