"""Subjects and data sets: adapters that give examples with findings, split by patient."""

from collections.abc import Callable
from pathlib import Path

from sequela.cohorts.chest import cxr_nih, cxr_time_open
from sequela.cohorts.chexpert import chexpert
from sequela.cohorts.chexpert_plus import chexpert_plus
from sequela.cohorts.examples import Example
from sequela.cohorts.eyepacs import eyepacs
from sequela.cohorts.fundus import fundus
from sequela.cohorts.ham10000 import ham10000
from sequela.cohorts.isic_2018 import isic_2018
from sequela.cohorts.isic_2024 import isic_2024
from sequela.cohorts.mimic import mimic_cxr_jpg
from sequela.cohorts.plain import plain_csv
from sequela.cohorts.skin import skin_ham, skin_isic
from sequela.cohorts.splits import check_sides, split_of
from sequela.core.checks import check_choice

COHORTS: dict[str, Callable[[Path], list[Example]]] = {
    "chexpert": chexpert,
    "chexpert-plus": chexpert_plus,
    "cxr-nih": cxr_nih,
    "cxr-time-open": cxr_time_open,
    "eyepacs": eyepacs,
    "fundus": fundus,
    "ham10000": ham10000,
    "isic-2018": isic_2018,
    "isic-2024": isic_2024,
    "mimic-cxr-jpg": mimic_cxr_jpg,
    "plain-csv": plain_csv,
    "skin-ham": skin_ham,
    "skin-isic": skin_isic,
}


def load_cohorts(names: tuple[str, ...], root: Path) -> list[Example]:
    """The examples of several cohorts, one after the other.

    Raises:
        UnreadableFileError: A table or an image is missing.
        InvalidInputError: A table is not as it should be, or a patient is on two sides, be it in
            two cohorts that share patients.
    """
    for name in names:
        check_choice("sets", name, COHORTS)
    examples = [example for name in names for example in COHORTS[name](root)]
    check_sides(((e.patient, e.split) for e in examples), " and ".join(names))
    return examples


__all__ = [
    "COHORTS",
    "Example",
    "chexpert",
    "chexpert_plus",
    "eyepacs",
    "ham10000",
    "isic_2018",
    "isic_2024",
    "load_cohorts",
    "mimic_cxr_jpg",
    "plain_csv",
    "split_of",
]
