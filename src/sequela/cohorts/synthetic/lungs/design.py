"""What is planted in the lung cohort. These constants were fixed before any training.

Extents are shares of the lungs' volume, rates shares of the lungs' volume in a year.
"""

from dataclasses import dataclass

from sequela.core.checks import check_choice, check_positive, check_share

LAWS = ("linear", "logistic", "stepwise")
UNTREATED, TREATED = "placebo", "antifibrotic"
ARMS = (UNTREATED, TREATED)
# fastest growth untreated; `held-out` lies above all that is seen in training
RATES = {"seen": (0.01, 0.08), "held-out": (0.09, 0.13), "all": (0.01, 0.13)}


@dataclass(frozen=True, kw_only=True)
class LungDesign:
    """Growth, treatment, visits, scanner and deaths."""

    rates: str = "seen"  # name in `RATES`
    ceiling: float = 0.7  # no lung is all fibrosis
    # a logistic course is caught earlier, or there would be nothing left to speed up
    first_extent: tuple[float, float] = (0.05, 0.20)
    first_extent_logistic: tuple[float, float] = (0.03, 0.12)
    step_every_years: tuple[float, float] = (0.8, 1.6)  # between the patient's own flares
    step_lasts_years: float = 0.08  # about a month
    # nintedanib about halves the loss of vital capacity (INPULSIS: -114 against -240 mL a year)
    rate_ratio: float = 0.5
    treated_share: float = 0.4
    visits: tuple[int, int] = (2, 7)
    horizon_years: float = 5.2  # of visits; the truth has no end
    misalignment_mm: float = 2.0  # what registration leaves, at the diaphragm, standard deviation
    noise_hu: tuple[float, float] = (8.0, 16.0)
    level_hu: float = 6.0  # depth of breath shifts the whole lung, standard deviation
    # deaths: hazard a year of an untreated woman of 68 who never smoked, extent .2 and rate .04
    base_hazard: float = 0.07
    log_hazard_extent: float = 0.6  # for each .1 of extent, as it is at that time
    log_hazard_rate: float = 0.5  # for each .02 a year of the rate under the given arm
    log_hazard_age: float = 0.25  # for each ten years
    log_hazard_male: float = 0.3
    log_hazard_smoking: float = 0.2
    end_years: tuple[float, float] = (3.0, 8.0)  # when the study ends for a patient
    lost_per_year: float = 0.03

    def __post_init__(self) -> None:
        check_choice("rates", self.rates, RATES)
        check_share("ceiling", self.ceiling, above_zero=True)
        check_share("rate_ratio", self.rate_ratio)
        check_share("treated_share", self.treated_share)
        for name in ("horizon_years", "step_lasts_years", "base_hazard"):
            check_positive(name, getattr(self, name))
