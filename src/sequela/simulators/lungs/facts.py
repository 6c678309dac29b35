"""What a forecast may be told of the patient beside the scans, as the training told it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sequela.core.checks import check_choice, check_finite

SEXES = {"female": 0.0, "male": 1.0}
TREATMENTS = {"none": 0.0, "antifibrotic": 1.0}
_MEAN_AGE, _SPREAD_AGE = 68.0, 8.0  # as `training.lung_scans` standardises them


@dataclass(frozen=True, kw_only=True)
class PatientFacts:
    """Age, sex, smoking and treatment; None where unknown.

    Attributes:
        age_years: At baseline.
        sex: `female` or `male`.
        smoker: Ever.
        treatment: `none` or `antifibrotic`, from baseline on.
    """

    age_years: float | None = None
    sex: str | None = None
    smoker: bool | None = None
    treatment: str | None = None

    def __post_init__(self) -> None:
        if self.age_years is not None:
            check_finite("age", self.age_years, minimum=0, hint="In years.")
        if self.sex is not None:
            check_choice("sex", self.sex, SEXES)
        if self.treatment is not None:
            check_choice("treatment", self.treatment, TREATMENTS)

    def numbers(self) -> Mapping[str, float]:
        """What is known, by the names of the forecaster's config."""
        known = {
            "age": None if self.age_years is None else (self.age_years - _MEAN_AGE) / _SPREAD_AGE,
            "male": None if self.sex is None else SEXES[self.sex],
            "smoking": None if self.smoker is None else float(self.smoker),
            "treated": None if self.treatment is None else TREATMENTS[self.treatment],
        }
        return {name: value for name, value in known.items() if value is not None}
