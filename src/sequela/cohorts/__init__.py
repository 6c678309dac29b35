"""Subjects and data sets: adapters that give examples with findings, split by patient."""

from collections.abc import Callable
from pathlib import Path

from sequela.cohorts.chest import cxr_nih, cxr_time_open
from sequela.cohorts.examples import Example
from sequela.cohorts.fundus import fundus
from sequela.cohorts.skin import skin_ham, skin_isic
from sequela.core.checks import check_choice

COHORTS: dict[str, Callable[[Path], list[Example]]] = {
    "cxr-nih": cxr_nih,
    "cxr-time-open": cxr_time_open,
    "fundus": fundus,
    "skin-ham": skin_ham,
    "skin-isic": skin_isic,
}


def load_cohorts(names: tuple[str, ...], root: Path) -> list[Example]:
    """The examples of several cohorts, one after the other."""
    examples: list[Example] = []
    for name in names:
        check_choice("sets", name, COHORTS)
        examples += COHORTS[name](root)
    return examples


__all__ = ["COHORTS", "Example", "load_cohorts"]
