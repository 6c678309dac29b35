"""Lung CT of synthetic patients whose fibrosis, treatment and survival are known at any date.

    patient = draw_patient(seed=0)
    patient.scans                                  # [(years, volume in HU), ...]: what a model sees
    patient.truth(3.0), patient.extent(3.0)        # what it must tell
    patient.truth(3.0, arm="antifibrotic")         # and under the other arm

Training reads a cohort from a folder that git ignores, packed once and the same every time:

    pack_cohort(Path("work/lungs-train"), seeds=range(200))
    for case in open_cohort(Path("work/lungs-train")): case.volumes, case.years, case.lungs
"""

from sequela.cohorts.synthetic.lungs.cohort import (
    LungCase,
    draw_cohort,
    open_cohort,
    pack_cohort,
)
from sequela.cohorts.synthetic.lungs.design import ARMS, LAWS, RATES, LungDesign
from sequela.cohorts.synthetic.lungs.growth import Growth
from sequela.cohorts.synthetic.lungs.outcome import Covariates, Survival
from sequela.cohorts.synthetic.lungs.patient import MINI_LUNG_GRID, LungPatient, draw_patient

__all__ = [
    "ARMS",
    "LAWS",
    "MINI_LUNG_GRID",
    "RATES",
    "Covariates",
    "Growth",
    "LungCase",
    "LungDesign",
    "LungPatient",
    "Survival",
    "draw_cohort",
    "draw_patient",
    "open_cohort",
    "pack_cohort",
]
