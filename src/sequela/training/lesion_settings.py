"""What a recipe says about the lesion forecaster."""

from dataclasses import dataclass

from sequela.core.checks import check_count, check_finite, check_positive, check_share
from sequela.simulators.lesions.config import ForecastConfig


@dataclass(frozen=True, kw_only=True)
class LesionForecastNetwork:
    """The network, the patients it learns from, and the weights of its loss.

    The set is `synthetic-trial`, whose patients are drawn.
    """

    patients: int = 1200  # drawn with images, to learn places from
    forms: int = 8000  # drawn as rows of the trial's tables, to learn counts from
    held_out: int = 48
    visits: int = 4  # follow-up visits of each
    longest_years: float = 3.0
    image_width: int = 12
    width: int = 40
    depth: int = 3
    condition_width: int = 64
    near_width: int = 8
    count_width: int = 48
    draws: int = 4  # visits and noise levels for each patient of a batch
    form_rows: int = 256  # rows of the tables in a batch
    treatment_dropout: float = 0.12  # share of rows whose treatment is told as unknown
    fact_dropout: float = 0.15  # share of rows of which a covariate is told as unknown, each
    pure_noise: float = 0.25  # share of draws that show nothing: they learn the probability map
    place_weight: float = 0.3
    overlap_weight: float = 0.05
    calibration_patients: int = 48  # held-out patients who set places and clumping at the end
    start: str = ""  # folder beside the output whose weights are gone on from, so far as they fit
    # Whether the mask is forecast at once, from no noise: the U-Net that diffusion must beat.
    is_deterministic: bool = False

    def __post_init__(self) -> None:
        for name in ("patients", "forms", "held_out", "visits", "draws", "form_rows"):
            check_count(name, getattr(self, name))
        check_count("calibration_patients", self.calibration_patients)
        check_positive("longest_years", self.longest_years)
        for name in ("place_weight", "overlap_weight"):
            check_finite(name, getattr(self, name), minimum=0.0)
        for name in ("treatment_dropout", "fact_dropout", "pure_noise"):
            check_share(name, getattr(self, name))

    @property
    def config(self) -> ForecastConfig:
        """The network's own settings."""
        return ForecastConfig(
            image_width=self.image_width,
            width=self.width,
            depth=self.depth,
            condition_width=self.condition_width,
            near_width=self.near_width,
            count_width=self.count_width,
            dropout=self.treatment_dropout,
            longest_years=self.longest_years,
        )
