"""Out-of-sample survival: codes chosen and models fitted without the patients they are judged on.

The published convention, choice, fit and C-index on the same patients, is the second row beside
it: `in_sample`. A permuted null tells what either convention makes of noise.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequela.evaluation.survival.concordance import concordance, concordance_estimate
from sequela.evaluation.survival.cox import fit_cox
from sequela.evaluation.survival.outcomes import Outcomes, folds_of
from sequela.evaluation.survival.screening import Selection, screen_codes
from sequela.metrics import Estimate


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossFit:
    """Risks of all patients, each from a model that never saw the patient.

    Attributes:
        risk: Log hazard against the mean patient of the model's training part.
        fold: Whose model it is; risks of two folds are not compared.
        chosen: Codes of each fold's model.
        events_per_variable: Of each fold's model.
    """

    risk: Float[np.ndarray, " patient"]
    fold: np.ndarray
    chosen: tuple[tuple[int, ...], ...]
    events_per_variable: tuple[float, ...]

    def c_index(self, outcomes: Outcomes, *, draws: int = 1000, seed: int = 0) -> Estimate:
        """Harrell's C with its bootstrap interval."""
        return concordance_estimate(self.risk, outcomes, fold=self.fold, draws=draws, seed=seed)


def cross_fit(
    histograms: Float[np.ndarray, "patient code"],
    outcomes: Outcomes,
    *,
    rules: Selection | None = None,
    judged_on: Float[np.ndarray, "patient code"] | None = None,
    seed: int = 0,
) -> CrossFit:
    """Choose codes and fit in all folds but one, and tell the risk of the patients of that one.

    Args:
        histograms: Share of each code in real scans; no column for the model of the chart alone.
        outcomes: Of the same patients.
        rules: Of the choice.
        judged_on: Histograms of generated scans of the same patients: models learn from real
            scans and tell the risk from these.
        seed: Of the folds.

    Raises:
        InvalidInputError: There are fewer deaths than folds.
    """
    rules, asked = rules or Selection(), histograms if judged_on is None else judged_on
    fold = folds_of(outcomes.died, rules.folds, seed)
    risk, chosen, per_variable = np.zeros(len(outcomes)), [], []
    for left_out in range(rules.folds):
        inside = fold != left_out
        train = outcomes.only(inside)
        codes = _chosen(histograms[inside], train, rules, seed + 1)
        model = fit_cox(histograms[inside][:, codes], train)
        risk[~inside] = model.risk(asked[~inside][:, codes], outcomes.only(~inside))
        chosen.append(tuple(int(code) for code in codes))
        per_variable.append(model.events_per_variable)
    return CrossFit(
        risk=risk, fold=fold, chosen=tuple(chosen), events_per_variable=tuple(per_variable)
    )


def in_sample(
    histograms: Float[np.ndarray, "patient code"],
    outcomes: Outcomes,
    *,
    rules: Selection | None = None,
    seed: int = 0,
) -> float:
    """C-index by the published convention: chosen, fitted and judged on the same patients.

    It is optimistic; never report it alone.
    """
    used = histograms[:, _chosen(histograms, outcomes, rules or Selection(), seed)]
    return concordance(fit_cox(used, outcomes).risk(used, outcomes), outcomes)


def permuted_null(
    histograms: Float[np.ndarray, "patient code"],
    outcomes: Outcomes,
    *,
    rules: Selection | None = None,
    permutations: int = 50,
    seed: int = 0,
) -> Float[np.ndarray, " permutation"]:
    """Out-of-sample C-indices when follow-up is dealt out anew; their mean should be about .5."""
    rng = np.random.default_rng(seed)
    scores = []
    for _ in range(permutations):
        deal = rng.permutation(len(outcomes))
        dealt = Outcomes(
            time_years=outcomes.time_years[deal], died=outcomes.died[deal], chart=outcomes.chart
        )
        fitted = cross_fit(histograms, dealt, rules=rules, seed=int(rng.integers(2**31)))
        scores.append(concordance(fitted.risk, dealt, fold=fitted.fold))
    return np.array(scores)


def _chosen(histograms: np.ndarray, outcomes: Outcomes, rules: Selection, seed: int) -> np.ndarray:
    if not histograms.shape[1]:
        return np.zeros(0, int)
    return screen_codes(histograms, outcomes, rules=rules, seed=seed).chosen
