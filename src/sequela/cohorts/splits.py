"""Splits by patient: the sides of a data set that has none of its own, and the check of all sides.

The side is a hash of the patient's name and nothing else, so it is the same on every machine, in
every release of a set, and for a patient who is in two sets under one name.
"""

from collections.abc import Iterable

from sequela.core import InvalidInputError, hash_bytes
from sequela.core.checks import check_choice

SPLITS = ("train", "val", "test")
VAL_FROM, TEST_FROM = 0.8, 0.9  # 80% train, 10% val, 10% test


def split_of(patient: str) -> str:
    """The side of a patient: `train` for 80 in a hundred, `val` for 10, `test` for 10."""
    # Salted: `training` tells generators' patients from judges' by a hash of the bare name, and the
    # two choices must not depend on each other.
    share = int(hash_bytes(f"sequela split {patient}".encode())[:8], 16) / 2**32
    return SPLITS[(share >= VAL_FROM) + (share >= TEST_FROM)]


def check_sides(sides: Iterable[tuple[str, str]], name: str) -> None:
    """Refuse (patient, split) pairs that put a patient on two sides.

    Raises:
        UnknownNameError: A split is none of `train`, `val`, `test`.
        InvalidInputError: A patient is on two sides.
    """
    known: dict[str, str] = {}
    for patient, split in sides:
        if split not in SPLITS:
            check_choice("split", split, SPLITS)
        if known.setdefault(patient, split) != split:
            raise InvalidInputError(
                f"`split` of {name} must put a patient on one side, but {patient} is on two. "
                "Split by patient, not by image."
            )
