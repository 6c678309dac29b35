"""A pair of lungs as nine numbers, and how their outline is drawn from them.

The outline was traced on the average of 329 films with hand-drawn lung boxes (`train` split of the
COVID-19 image data collection), in the coordinates of each lung's box. So were the medians and
spreads of the numbers.
"""

import numpy as np
from jaxtyping import Bool, Float

# Corners in a lung's box: from its outer side (0) to the midline (1), from top (0) to bottom (1).
RIGHT_OUTLINE = (
    (0.76, 0.01), (0.60, 0.04), (0.44, 0.11), (0.32, 0.21), (0.23, 0.33), (0.16, 0.47),
    (0.10, 0.62), (0.05, 0.78), (0.02, 0.92), (0.04, 0.98), (0.14, 0.92), (0.30, 0.86),
    (0.50, 0.83), (0.72, 0.84), (0.88, 0.88), (0.87, 0.74), (0.88, 0.58), (0.90, 0.42),
    (0.94, 0.26), (0.94, 0.13), (0.88, 0.04),
)  # fmt: skip
LEFT_OUTLINE = (
    (0.78, 0.01), (0.62, 0.04), (0.46, 0.11), (0.33, 0.21), (0.23, 0.33), (0.16, 0.47),
    (0.10, 0.62), (0.05, 0.78), (0.02, 0.92), (0.04, 0.98), (0.14, 0.94), (0.28, 0.88),
    (0.44, 0.86), (0.50, 0.78), (0.62, 0.66), (0.74, 0.53), (0.82, 0.42), (0.84, 0.33),
    (0.93, 0.22), (0.94, 0.12), (0.89, 0.04),
)  # fmt: skip

# Of a pair: centre column and row and log width against the film; log(height / width), gap at the
# midline, offset of the midline, left lung's top and bottom against the right's (all of the pair's
# width; a positive number is to the right or lower); tilt in radians.
MEDIAN = np.array([0.50, 0.48, -0.31, -0.12, 0.045, 0.0, 0.0, 0.015, 0.0])
SPREAD = np.array([0.06, 0.08, 0.18, 0.16, 0.035, 0.035, 0.025, 0.06, 0.05])

Pair = Float[np.ndarray, "pair 9"]
Outline = tuple[tuple[float, float], ...]


def boxes(
    pairs: Pair, content: tuple[float, float, float, float]
) -> tuple[Float[np.ndarray, "pair 2 4"], Float[np.ndarray, "pair 3"]]:
    """Each lung's outer column, midline column, top and bottom row; and centre and tilt to turn by.

    The right lung comes first; it is on the left of the image.
    """
    top, left, height, width = content
    x = left + pairs[:, 0] * width
    y = top + pairs[:, 1] * height
    w = np.exp(pairs[:, 2]) * np.sqrt(height * width)
    h = np.exp(pairs[:, 3]) * w
    gap, offset, tops, bottoms = (pairs[:, i] * w for i in (4, 5, 6, 7))
    right = [x - w / 2, x + offset - gap / 2, y - (h + tops) / 2, y + (h - bottoms) / 2]
    other = [x + w / 2, x + offset + gap / 2, y - (h - tops) / 2, y + (h + bottoms) / 2]
    lungs = np.stack([np.stack(right, -1), np.stack(other, -1)], 1)
    return lungs, np.stack([x, y, pairs[:, 8]], -1)


def place(
    points: tuple[Float[np.ndarray, "point 2"], Float[np.ndarray, "point 2"]],
    pairs: Pair,
    content: tuple[float, float, float, float],
) -> Float[np.ndarray, "pair point 2"]:
    """Points given in the right and the left lung's box, as rows and columns of the film."""
    lungs, turn = boxes(pairs, content)
    placed = []
    for side, share in enumerate(points):
        outer, inner, top, bottom = (lungs[:, side, i, None] for i in range(4))
        column = outer + share[None, :, 0] * (inner - outer) - turn[:, 0, None]
        row = top + share[None, :, 1] * (bottom - top) - turn[:, 1, None]
        cosine, sine = np.cos(turn[:, 2, None]), np.sin(turn[:, 2, None])
        rows = turn[:, 1, None] + sine * column + cosine * row
        columns = turn[:, 0, None] + cosine * column - sine * row
        placed.append(np.stack([rows, columns], -1))
    return np.concatenate(placed, 1)


def draw(
    pair: Float[np.ndarray, "9"],
    content: tuple[float, float, float, float],
    space: tuple[int, int],
) -> Bool[np.ndarray, "2 height width"]:
    """The right and the left lung's outline, filled."""
    outlines = (np.array(RIGHT_OUTLINE), np.array(LEFT_OUTLINE))
    corners = place(outlines, pair[None], content)[0]
    split = len(outlines[0])
    return np.stack([inside(space, corners[:split]), inside(space, corners[split:])])


def inside(
    space: tuple[int, int], corners: Float[np.ndarray, "corner 2"]
) -> Bool[np.ndarray, "height width"]:
    """Which pixel centres lie in a polygon of rows and columns (even-odd rule)."""
    rows, columns = np.mgrid[: space[0], : space[1]]
    return crossings(np.stack([rows.ravel(), columns.ravel()], -1) + 0.5, corners).reshape(space)


def crossings(
    points: Float[np.ndarray, "point 2"], corners: Float[np.ndarray, "corner 2"]
) -> Bool[np.ndarray, " point"]:
    """Which points a ray to the right leaves the polygon an odd number of times."""
    odd = np.zeros(len(points), dtype=bool)
    for (y0, x0), (y1, x1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        spans = (y0 > points[:, 0]) != (y1 > points[:, 0])
        rise = y1 - y0 if y1 != y0 else 1.0  # a level edge spans no row
        odd ^= spans & (points[:, 1] < x0 + (points[:, 0] - y0) * (x1 - x0) / rise)
    return odd
