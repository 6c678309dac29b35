"""The fourteen labels of CheXpert, which MIMIC-CXR-JPG and CheXpert Plus share.

Source: Irvin et al., "CheXpert", arXiv:1901.07031. What becomes of them follows the published
loader of Liang et al., "PIE", arXiv:2309.11745: uncertain labels are dropped, "Pleural Effusion"
is called "Effusion", and a film with "No Finding" has none of the others, not even a device.
"""

from functools import cache

from sequela.cohorts.tables import Row
from sequela.core.checks import check_choice

NO_FINDING = "No Finding"
NAMES = {  # theirs to ours
    "Atelectasis": "Atelectasis",
    "Cardiomegaly": "Cardiomegaly",
    "Consolidation": "Consolidation",
    "Edema": "Edema",
    "Enlarged Cardiomediastinum": "Enlarged Cardiomediastinum",
    "Fracture": "Fracture",
    "Lung Lesion": "Lung Lesion",
    "Lung Opacity": "Lung Opacity",
    "Pleural Effusion": "Effusion",
    "Pleural Other": "Pleural Other",
    "Pneumonia": "Pneumonia",
    "Pneumothorax": "Pneumothorax",
    "Support Devices": "Support Devices",
}
COLUMNS = (NO_FINDING, *NAMES)
VIEWS = ("AP", "PA")  # of frontal films; a few are neither
_FRONTAL = {"Frontal": True, "Lateral": False}

_PRESENT, _ABSENT, _OPEN = 1, 0, -1
_VALUES = {"1.0": _PRESENT, "1": _PRESENT, "0.0": _ABSENT, "0": _ABSENT, "": _ABSENT}
_VALUES |= {"-1.0": _OPEN, "-1": _OPEN}


def check_options(uncertain: str, split: str = "own") -> None:
    """Refuse what is no way to take an uncertain label, or to choose the sides."""
    check_choice("uncertain", uncertain, ("drop", "positive", "negative"))
    check_choice("split", split, ("own", "hash"))


def is_frontal(row: Row, plane: str, view: str) -> bool:
    """Whether a row of Stanford's tables is a frontal film of a known view."""
    return row.choose(plane, _FRONTAL) and row[view] in VIEWS


def read_findings(row: Row, uncertain: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The findings that a row calls present, and those it leaves open.

    Args:
        row: With all of `COLUMNS`.
        uncertain: What a label of -1 is: `drop` leaves it open, `positive` takes it for present,
            `negative` for absent.
    """
    values = tuple(row.choose(column, _VALUES) for column in COLUMNS)
    return _decide(values, uncertain)


@cache  # few of the possible combinations occur, each many thousand times
def _decide(values: tuple[int, ...], uncertain: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if values[0] == _PRESENT:
        return (), ()
    said = sorted(zip(NAMES.values(), values[1:], strict=True))
    present = {_PRESENT, _OPEN} if uncertain == "positive" else {_PRESENT}
    left_open = {_OPEN} if uncertain == "drop" else set[int]()
    return (
        tuple(name for name, value in said if value in present),
        tuple(name for name, value in said if value in left_open),
    )
