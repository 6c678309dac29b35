"""Find the pair of lungs whose insides are darkest against their rims, among pairs that are likely.

Both lungs are placed together, so that one that is white with disease is held by the other.
Source of the search: Rubinstein, "The cross-entropy method", 1999: draw pairs, keep the best,
draw again around them.
"""

from functools import cache

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from sequela.conditioning.regions.film import Film
from sequela.conditioning.regions.lungs import (
    LEFT_OUTLINE,
    MEDIAN,
    RIGHT_OUTLINE,
    SPREAD,
    Outline,
    Pair,
    crossings,
    place,
)

# Both tuned on the `train` split of the films with drawn boxes.
AREA_POWER = 0.4  # plain contrast would shrink the lungs to their darkest core
PRIOR_WEIGHT = 0.08  # of the mean squared deviation from the usual pair
_GRID = 0.04  # of a box's side
_ROUNDS, _FIRST, _LATER, _KEPT = 10, 1500, 400, 40


def search(film: Film) -> Float[np.ndarray, "9"]:
    """The best pair of lungs; the same film always gives the same pair."""
    draw = np.random.default_rng(0)
    centre, spread = MEDIAN, SPREAD * 1.5
    for turn in range(_ROUNDS):
        count = _LATER if turn else _FIRST
        pairs = centre + spread * draw.standard_normal((count, len(MEDIAN)))
        pairs[0] = centre
        area = np.exp((pairs - MEDIAN) @ np.array([0, 0, 2, 1, 0, 0, 0, 0, 0]))
        value = contrast(film, pairs).mean(1) * area**AREA_POWER
        best = pairs[np.argsort(PRIOR_WEIGHT * unlikeliness(pairs) - value)[:_KEPT]]
        centre, spread = best.mean(0), best.std(0) + 1e-4
    return centre


def unlikeliness(pairs: Pair) -> Float[np.ndarray, " pair"]:
    """Mean squared deviation from the usual pair, in its spreads."""
    return np.asarray((((pairs - MEDIAN) / SPREAD) ** 2).mean(-1))


def contrast(film: Film, pairs: Pair) -> Float[np.ndarray, "pair 2"]:
    """Mean of the rim less that of the inside, of the right and the left lung.

    What lies outside the image is neither dark nor bright.
    """
    (right, right_weight), (left, left_weight) = (
        template(outline) for outline in (RIGHT_OUTLINE, LEFT_OUTLINE)
    )
    points = np.floor(place((right, left), pairs, film.content)).astype(np.intp)
    limit = np.array(film.contrast.shape) - 1
    seen = ((points >= 0) & (points <= limit)).all(-1)
    points = points.clip(0, limit)
    values = film.contrast[points[..., 0], points[..., 1]] * seen
    split = len(right)
    sides = [values[:, :split] @ right_weight, values[:, split:] @ left_weight]
    return np.stack(sides, -1)


@cache
def template(outline: Outline) -> tuple[Float[np.ndarray, "point 2"], Float[np.ndarray, " point"]]:
    """Points in and just around one lung, in its box, and the weight of the film at each.

    The weights are negative inside (lungs are dark) and positive in the rim; each kind sums to one.
    A thin rim follows the lung's border; a thick one was pulled about by arms and belly.
    """
    grid = np.arange(-4 * _GRID, 1 + 4.5 * _GRID, _GRID)
    shares = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
    within = crossings(shares, np.array(outline)).reshape(len(grid), -1)
    outwards = ndimage.distance_transform_edt(~within).ravel()
    core, rim = outwards == 0, (outwards > 0) & (outwards < 1.3)
    weight = rim / rim.sum() - core / core.sum()
    used = core | rim
    return shares[used], weight[used]
