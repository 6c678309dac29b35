"""What is planted in the known-truth trial: the numbers of its natural history, with origins."""

from dataclasses import dataclass

from sequela.core.checks import check_count, check_positive, check_share


@dataclass(frozen=True, kw_only=True)
class TrialDesign:
    """Rates, treatment and follow-up. Lesion sizes are in `history` and `future`."""

    # placebo arms: mean about 10 in two years, median 5 (FREEDOMS: 9.8 and 5)
    rate_per_year: float = 5.0
    # gamma shape of the patients' rates; P(0) = .18
    frailty_shape: float = 0.6
    enlarging_share: float = 0.2  # of NET2 events, when there are lesions to enlarge
    age_mean: float = 37.0
    age_sd: float = 9.0
    rate_drop_per_year_of_age: float = 0.025  # younger patients are more active
    season_swing: float = 0.5  # March to August twice the rest (Meier 2010: 2 to 3 times)
    # trials select active patients: the rate falls by 39 % within nine months (PRISMS placebo)
    selection_excess: float = 0.6
    selection_years: float = 0.4
    # a treatment works by half after `ramp_weeks` / 2, in full after `ramp_weeks` (8 to 12)
    ramp_weeks: float = 8.0
    responder_factor: float = 0.0  # rate of full responders, the same in every arm
    partial_power: float = 0.2  # rate of the others: the arm's mean rate to this power
    response_age_correlation: float = 0.4  # younger patients respond more often
    local_pull: float = 1.5  # how much more often new lesions come beside old ones
    dropout_per_year: float = 0.08
    horizon_years: float = 5.0  # truth is known up to here
    centres: int = 40
    centre_seed: int = 0  # which scanners there are

    def __post_init__(self) -> None:
        for name in ("rate_per_year", "frailty_shape", "age_sd", "horizon_years", "ramp_weeks"):
            check_positive(name, getattr(self, name))
        shares = ("enlarging_share", "season_swing", "responder_factor", "response_age_correlation")
        for name in (*shares, "dropout_per_year"):
            check_share(name, getattr(self, name))
        check_count("centres", self.centres)

    @property
    def age_effect(self) -> float:
        """Standard deviation of the log rate that age explains."""
        return self.rate_drop_per_year_of_age * self.age_sd
