"""Code histograms: how much of the lungs each codebook entry describes."""

import numpy as np
from jaxtyping import Bool, Float, Int

from sequela.core.checks import check_count
from sequela.core.errors import InvalidInputError


def code_histogram(
    codes: Int[np.ndarray, "*space"], lungs: Bool[np.ndarray, "*space"], *, num_codes: int
) -> Float[np.ndarray, " code"]:
    """Share of the lungs described by each code; they sum to 1.

    Args:
        codes: Index of each latent cell, below `num_codes`.
        lungs: Cells that count, on the latent's grid.
        num_codes: Size of the codebook.

    Raises:
        InvalidInputError: No cell is lung, or a code lies outside the codebook.
    """
    check_count("num_codes", num_codes)
    inside = codes[lungs]
    if not len(inside):
        raise InvalidInputError("`lungs` must mark at least one cell, got none.")
    if inside.min() < 0 or inside.max() >= num_codes:
        raise InvalidInputError(
            f"`codes` must lie in 0 to {num_codes - 1}, got {inside.min()} to {inside.max()}. "
            "Give the size of the codebook that made them."
        )
    return np.asarray(np.bincount(inside.ravel(), minlength=num_codes) / len(inside))


def change_per_year(
    first: Float[np.ndarray, "patient code"],
    later: Float[np.ndarray, "patient code"],
    years: Float[np.ndarray, " patient"],
) -> Float[np.ndarray, "patient code"]:
    """Longitudinal biomarkers: change of each share a year between two scans.

    Raises:
        InvalidInputError: The later scan is not later.
    """
    if (years <= 0).any():
        raise InvalidInputError(f"`years` must be above 0, got {float(years.min())!r}.")
    return np.asarray((later - first) / years[:, None])
