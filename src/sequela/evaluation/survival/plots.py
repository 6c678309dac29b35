"""Kaplan-Meier curves by risk, and a forest of hazard ratios, as PNG."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from sequela.core import DISCLAIMER
from sequela.core.checks import check_count
from sequela.core.errors import MissingExtraError
from sequela.evaluation.survival.cox import CoxModel, lifelines
from sequela.evaluation.survival.outcomes import Outcomes
from sequela.render.writing import writing

_INK = ("#1b6ca8", "#c8553d", "#588157", "#8d6a9f")


def kaplan_meier(
    risk: Float[np.ndarray, " patient"], outcomes: Outcomes, path: Path, *, groups: int = 2
) -> float:
    """Draw survival of groups cut at quantiles of an out-of-sample risk; the log-rank p-value.

    Args:
        risk: Cross-fitted: with an in-sample risk the curves part by construction.
        outcomes: Of the same patients.
        path: PNG to write, marked as synthetic.
        groups: 2 to 4.

    Raises:
        MissingExtraError: lifelines is not installed.
    """
    check_count("groups", groups, minimum=2)
    package = lifelines()
    from lifelines.statistics import multivariate_logrank_test

    group = np.searchsorted(np.quantile(risk, np.arange(1, groups) / groups), risk, side="left")
    result = multivariate_logrank_test(outcomes.time_years, group, outcomes.died)
    figure = _figure((5.2, 3.8))
    axes = figure.add_subplot()
    for index in range(groups):
        mine = outcomes.only(group == index)
        label = f"risk group {index + 1} of {groups} (n = {len(mine)})"
        fitter = package.KaplanMeierFitter(label=label)
        fitter.fit(mine.time_years, mine.died)
        fitter.plot_survival_function(ax=axes, color=_INK[index % len(_INK)])
    axes.set(xlabel="Years", ylabel="Share alive", ylim=(0, 1.02))
    axes.set_title(f"Log-rank p = {result.p_value:.2g}", fontsize=10)
    _save(figure, path)
    return float(result.p_value)


def forest(model: CoxModel, path: Path) -> Path:
    """Draw each hazard ratio for one standard deviation with its 95 % interval; return the path."""
    figure = _figure((5.2, 0.8 + 0.36 * len(model.names)))
    axes = figure.add_subplot()
    rows = np.arange(len(model.names))[::-1]
    ratio, low, high = (np.exp(v) for v in (model.log_ratios, model.low, model.high))
    axes.errorbar(
        ratio, rows, xerr=np.stack([ratio - low, high - ratio]), fmt="o", color=_INK[0], capsize=3
    )
    axes.axvline(1, color="0.6", linewidth=0.8)
    axes.set_yticks(rows, [str(name) for name in model.names])
    _ratio_scale(axes, float(low.min()), float(high.max()))
    ridge = f", ridge {model.ridge:g}" if model.ridge else ""
    axes.set_xlabel("Hazard ratio for one standard deviation")
    axes.set_title(f"{model.events_per_variable:.1f} events per variable{ridge}", fontsize=10)
    _save(figure, path)
    return path


def _ratio_scale(axes: Any, low: float, high: float) -> None:
    """A log axis that is labelled with plain numbers; its own labels are powers of ten."""
    from matplotlib.ticker import MaxNLocator, NullFormatter, StrMethodFormatter

    axes.set_xscale("log")
    axes.set_xticks([x for x in MaxNLocator(6).tick_values(low, high) if low <= x <= high])
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _figure(size: tuple[float, float]) -> Any:
    try:
        # the figure without pyplot: no global state, no display
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "Plots need matplotlib. Install it: pip install 'sequela[survival]'."
        ) from error
    return Figure(figsize=size, dpi=130, layout="constrained")


def _save(figure: Any, path: Path) -> None:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    with writing(path):
        figure.savefig(path, format="png", metadata={"Comment": DISCLAIMER, "synthetic": "true"})
