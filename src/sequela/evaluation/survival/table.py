"""Table 2: survival from real against generated scans, out of sample and as published."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequela.evaluation.survival.concordance import concordance_difference
from sequela.evaluation.survival.crossfit import CrossFit, cross_fit, in_sample
from sequela.evaluation.survival.outcomes import Outcomes
from sequela.evaluation.survival.screening import Selection
from sequela.metrics import Estimate

Histograms = Float[np.ndarray, "patient code"]


@dataclass(frozen=True, kw_only=True)
class SurvivalRow:
    """One way to tell survival.

    Attributes:
        name: Of the biomarkers.
        out_of_sample: Cross-fitted C-index.
        over_chart: Its gain over age, sex and smoking alone, in the same drawn patients.
        against_real: Its gain over the same biomarkers from real scans; None for those.
        in_sample: C-index by the published convention; optimistic.
        events_per_variable: The least over the folds' models.
    """

    name: str
    out_of_sample: Estimate
    over_chart: Estimate | None
    against_real: Estimate | None
    in_sample: float
    events_per_variable: float


def survival_table(
    real: dict[str, Histograms],
    generated: dict[str, Histograms],
    outcomes: Outcomes,
    *,
    rules: Selection | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> list[SurvivalRow]:
    """The chart alone, then each kind of biomarker from real scans and from generated ones.

    Args:
        real: Histograms or their change by name, as `cross-sectional` and `longitudinal`.
        generated: The same from generated scans; models still learn from the real ones.
        outcomes: Of the same patients.
        rules: Of the choice of codes.
        draws: Of the bootstrap.
        seed: Of folds and draws.
    """
    judge = _Judge(outcomes=outcomes, rules=rules, draws=draws, seed=seed)
    none = np.zeros((len(outcomes), 0))
    chart = judge.fitted(none)
    rows = [judge.row("age, sex and smoking", none, chart)]
    for name, histograms in real.items():
        truth = judge.fitted(histograms)
        rows.append(judge.row(f"{name}, real", histograms, truth, chart=chart))
        if name in generated:
            asked = generated[name]
            fit = judge.fitted(histograms, asked)
            rows.append(judge.row(f"{name}, generated", asked, fit, chart=chart, real=truth))
    return rows


@dataclass(frozen=True, kw_only=True, eq=False)
class _Judge:
    """What all rows share."""

    outcomes: Outcomes
    rules: Selection | None
    draws: int
    seed: int

    def fitted(self, real: Histograms, asked: Histograms | None = None) -> CrossFit:
        return cross_fit(real, self.outcomes, rules=self.rules, judged_on=asked, seed=self.seed)

    def row(
        self,
        name: str,
        histograms: Histograms,
        fit: CrossFit,
        *,
        chart: CrossFit | None = None,
        real: CrossFit | None = None,
    ) -> SurvivalRow:
        return SurvivalRow(
            name=name,
            out_of_sample=fit.c_index(self.outcomes, draws=self.draws, seed=self.seed),
            over_chart=self._gain(fit, chart) if chart else None,
            against_real=self._gain(fit, real) if real else None,
            # choice and fit on the very scans that are judged: the published convention
            in_sample=in_sample(histograms, self.outcomes, rules=self.rules, seed=self.seed),
            events_per_variable=min(fit.events_per_variable),
        )

    def _gain(self, fit: CrossFit, over: CrossFit) -> Estimate:
        return concordance_difference(
            fit.risk,
            over.risk,
            self.outcomes,
            fold=fit.fold,
            draws=self.draws,
            seed=self.seed,
        )


def as_markdown(rows: list[SurvivalRow]) -> str:
    """The table as the reports print it."""
    lines = [
        "| biomarkers | C, out of sample | over the chart | against real | C, in sample "
        "(published convention, optimistic) | events per variable |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        gains = " | ".join("-" if g is None else str(g) for g in (row.over_chart, row.against_real))
        lines.append(
            f"| {row.name} | {row.out_of_sample} | {gains} | {row.in_sample:.3f} | "
            f"{row.events_per_variable:.1f} |"
        )
    return "\n".join(lines) + "\n"
