"""What a forecast is asked: which treatment, until when, for whom; and what it then must say."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequela.cohorts.synthetic.trial import load_arms
from sequela.core.checks import check_choice, check_finite

UNKNOWN = "unknown"
COVARIATES = ("age_years", "edss", "disease_years")
_CENTRES = {"age_years": (37.0, 10.0), "edss": (2.0, 1.5), "disease_years": (6.0, 5.0)}


def treatments() -> tuple[str, ...]:
    """Those that can be asked for: `unknown` first, then the weakest first."""
    return (UNKNOWN, *load_arms())


@dataclass(frozen=True, kw_only=True)
class Question:
    """One forecast to make.

    Attributes:
        treatment: A name out of `treatments`.
        horizon_years: After the baseline, >= 0.
        age_years: Of the patient, if known.
        edss: Disability score, if known.
        disease_years: Since the first symptom, if known.
    """

    treatment: str
    horizon_years: float
    age_years: float | None = None
    edss: float | None = None
    disease_years: float | None = None

    def __post_init__(self) -> None:
        check_choice("treatment", self.treatment, treatments())
        check_finite("horizon_years", self.horizon_years, minimum=0.0)
        for name in COVARIATES:
            if (value := getattr(self, name)) is not None:
                check_finite(name, value, minimum=0.0)

    @property
    def treatment_index(self) -> int:
        """Position in `treatments`."""
        return treatments().index(self.treatment)

    @property
    def numbers(self) -> Float[np.ndarray, " number"]:
        """Horizon, its log, then each covariate and whether it is known; float32."""
        values = [self.horizon_years / 2, float(np.log1p(self.horizon_years))]
        for name in COVARIATES:
            known = getattr(self, name)
            middle, spread = _CENTRES[name]
            values += [
                0.0 if known is None else (known - middle) / spread,
                float(known is not None),
            ]
        return np.asarray(values, np.float32)

    def warnings(self, longest_years: float) -> tuple[str, ...]:
        """What the answer must say beside itself."""
        told = []
        if self.horizon_years > longest_years:
            told.append(
                f"The horizon of {self.horizon_years:g} years lies beyond the {longest_years:g} "
                "years that the model was trained for: the forecast is an extrapolation."
            )
        if self.treatment == UNKNOWN:
            told.append("The treatment is unknown: the forecast averages over those of the trial.")
        return tuple(told)


NUMBERS = 2 + 2 * len(COVARIATES)
