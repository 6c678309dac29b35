"""Lesion forecasts: preparation of a visit's MR images for the model.

The forecasting model itself is trained on `sequela.cohorts.synthetic.trial`.
"""

from sequela.simulators.lesions.prepare import (
    SEQUENCES,
    PreparedVisit,
    VisitImages,
    on_grid,
    prepare_images,
    prepare_visit,
)

__all__ = [
    "SEQUENCES",
    "PreparedVisit",
    "VisitImages",
    "on_grid",
    "prepare_images",
    "prepare_visit",
]
