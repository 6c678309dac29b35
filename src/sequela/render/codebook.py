"""Pictures of a codebook: a sheet of codes, codes laid over a scan, a table of correlations."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image

from sequela.core import InvalidInputError
from sequela.render.figures import contact_sheet

# eight colours that stay apart for colour-blind eyes (Okabe and Ito), black left out
COLOURS = np.array(
    [
        (230, 159, 0),
        (86, 180, 233),
        (0, 158, 115),
        (240, 228, 66),
        (0, 114, 178),
        (213, 94, 0),
        (204, 121, 167),
    ],
    dtype=np.uint8,
)
_ALPHA = 0.6  # of a code laid over a scan
_CELL_PX = 48


def codebook_sheet(
    codes_hu: Float[np.ndarray, "code side side side"],
    shares: Float[np.ndarray, " code"],
    path: Path,
    *,
    window_hu: tuple[float, float] = (-1000.0, 400.0),
    columns: int = 16,
) -> Path:
    """Write the middle slice of each code with its number and share, most used first.

    Args:
        codes_hu: How each code looks; codes that never occur may be nan and are left black.
        shares: How often each is used.
        path: The PNG to write.
        window_hu: Shown as black and white.
        columns: Codes in a row.
    """
    order, pictures = code_cells(codes_hu, shares, window_hu)
    labels = [f"{code} {100 * shares[code]:.1f}%" for code in order]
    return contact_sheet(pictures, labels, path, columns=columns)


def code_cells(
    codes_hu: Float[np.ndarray, "code side side side"],
    shares: Float[np.ndarray, " code"],
    window_hu: tuple[float, float],
) -> tuple[Int[np.ndarray, " code"], list[UInt8[np.ndarray, "height width"]]]:
    """Numbers of the codes, most used first, and the middle slice of each, enlarged."""
    low, high = window_hu
    order = np.argsort(-shares, kind="stable")
    middle = np.nan_to_num(codes_hu[:, codes_hu.shape[1] // 2], nan=low)
    grey = np.rint(255 * np.clip((middle - low) / (high - low), 0, 1)).astype(np.uint8)
    repeat = max(1, _CELL_PX // grey.shape[1])
    return order, [grey[code].repeat(repeat, 0).repeat(repeat, 1) for code in order]


def code_overlay(
    plane: UInt8[np.ndarray, "height width"], labels: Int[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width 3"]:
    """A grey plane with its labelled codes in colour; label 0 leaves it as it is.

    Raises:
        InvalidInputError: There are more labels than colours that can be told apart.
    """
    if labels.max(initial=0) > len(COLOURS):
        raise InvalidInputError(
            f"`labels` must be at most {len(COLOURS)}, got {labels.max()}. Choose fewer codes: "
            "more colours cannot be told apart."
        )
    base = np.repeat(plane[..., None], 3, axis=-1).astype(np.float64)
    tint = COLOURS[np.maximum(labels, 1) - 1]
    mixed = np.where(labels[..., None] > 0, (1 - _ALPHA) * base + _ALPHA * tint, base)
    return np.rint(mixed).astype(np.uint8)


def correlation_sheet(
    matrix: Float[np.ndarray, "code code"], names: Sequence[str], path: Path
) -> Path:
    """Write a table of correlations: blue for -1, white for 0, red for 1, grey for none.

    Raises:
        InvalidInputError: There is not one name for each row.
    """
    if len(names) != len(matrix):
        raise InvalidInputError(
            f"`names` must be one for each of {len(matrix)} codes, got {len(names)}."
        )
    tiles, labels = [], []
    for row, first in enumerate(names):
        for column, second in enumerate(names):
            value = float(matrix[row, column])
            tile = np.full((_CELL_PX, 2 * _CELL_PX, 3), _colour(value), dtype=np.uint8)
            tiles.append(np.asarray(Image.fromarray(tile)))
            labels.append(f"{first}, {second}: {value:.2f}")
    return contact_sheet(tiles, labels, path, columns=len(names))


def _colour(value: float) -> tuple[int, int, int]:
    if not np.isfinite(value):
        return (90, 90, 90)
    end = np.array((178, 24, 43) if value > 0 else (33, 102, 172))
    red, green, blue = np.rint(255 + min(abs(value), 1.0) * (end - 255)).astype(int).tolist()
    return red, green, blue
