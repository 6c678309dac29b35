"""Subgroups: is a figure as good for women as for men, for old as for young, in each view?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped

from sequela.core.checks import check_count
from sequela.metrics.bootstrap import DRAWS, Estimate, Statistic, estimate

UNKNOWN = "unknown"
AGE_BANDS = (40.0, 65.0)  # years; below, between, and from there on


@dataclass(frozen=True, kw_only=True)
class SubgroupRow:
    """A figure within one subgroup, and its distance to all others.

    Attributes:
        attribute: Such as sex.
        group: Such as female.
        inside: The figure within the group; its interval is nan with fewer than two patients.
        gap: The figure within minus that of all other known groups of the attribute together, both
            from the same draws; None where there are no others.
        told: Whether group and others each hold so many patients that the gap says something.
    """

    attribute: str
    group: str
    inside: Estimate
    gap: Estimate | None
    told: bool


def subgroup_rows(
    statistic: Statistic,
    attributes: Mapping[str, Shaped[np.ndarray, " case"]],
    patients: Shaped[np.ndarray, " case"],
    *,
    least: int = 10,
    draws: int = DRAWS,
    seed: int = 0,
) -> list[SubgroupRow]:
    """One row for each group of each attribute; cases of unknown group have a row without a gap.

    Many rows are many chances to find a gap: of twenty intervals one misses 0 by luck.

    Args:
        statistic: Of case indices, with repeats; nan where it cannot be told.
        attributes: Group of each case, by name of the attribute; `unknown` where it is not known.
        patients: Who each case is of.
        least: Patients in a group, and outside of it, from which on its gap counts as told.
        draws: Bootstrap samples.
        seed: Of the draws.
    """
    check_count("least", least)
    rows = []
    for attribute, groups in attributes.items():
        for group in sorted(set(groups.tolist())):
            here, there = groups == group, (groups != group) & (groups != UNKNOWN)
            compared = group != UNKNOWN and bool(there.any())
            known = np.flatnonzero(here | there) if compared else np.flatnonzero(here)
            gap = None
            if compared:
                difference = _difference(statistic, known, here[known])
                gap = estimate(difference, patients[known], draws=draws, seed=seed)
            rows.append(
                SubgroupRow(
                    attribute=attribute,
                    group=str(group),
                    inside=_inside(statistic, np.flatnonzero(here), patients, draws, seed),
                    gap=gap,
                    told=compared
                    and min(len(set(patients[x].tolist())) for x in (here, there)) >= least,
                )
            )
    return rows


def age_band(years: float | None) -> str:
    """`under 40`, `40 to 64`, `65 and over`, or `unknown`."""
    if years is None or np.isnan(years):
        return UNKNOWN
    young, old = AGE_BANDS
    if years < young:
        return f"under {young:g}"
    return f"{young:g} to {old - 1:g}" if years < old else f"{old:g} and over"


def _inside(
    statistic: Statistic,
    cases: Shaped[np.ndarray, " case"],
    patients: Shaped[np.ndarray, " all"],
    draws: int,
    seed: int,
) -> Estimate:
    return estimate(lambda i: statistic(cases[i]), patients[cases], draws=draws, seed=seed)


def _difference(
    statistic: Statistic, known: np.ndarray, here: np.ndarray
) -> Callable[[np.ndarray], float]:
    def difference(chosen: np.ndarray) -> float:
        inside, outside = known[chosen[here[chosen]]], known[chosen[~here[chosen]]]
        if not (len(inside) and len(outside)):
            return float("nan")
        return statistic(inside) - statistic(outside)

    return difference
