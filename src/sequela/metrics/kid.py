"""KID: how far two sets of images lie apart in the features of a network that is named.

Unbiased, so that it scatters around 0 for two halves of one set; read it beside real against real.
It is called KID on features of X here, never plain KID: published figures use Inception's features,
and no figure on other features can be compared with them.

Source: Binkowski et al., "Demystifying MMD GANs", ICLR 2018, arXiv:1801.01401, section 4.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequela.core import InvalidInputError
from sequela.core.checks import check_count

Features = Float[np.ndarray, "image feature"]


@dataclass(frozen=True, kw_only=True)
class Kid:
    """A kernel distance of two sets.

    Attributes:
        value: Mean over subsets; can fall below 0.
        spread: Standard deviation over subsets, which overlap: no standard error.
        features: Name of the network.
        subset_size: Images of each set in each subset.
        subsets: How many were drawn.
    """

    value: float
    spread: float
    features: str
    subset_size: int
    subsets: int


def kid(
    made: Features,
    real: Features,
    *,
    features: str,
    subset_size: int = 50,
    subsets: int = 100,
    seed: int = 0,
) -> Kid:
    """KID of two sets of feature vectors.

    Args:
        made: Of simulated images.
        real: Of real ones that nothing was trained on.
        features: Name of the network they come from.
        subset_size: Cut to the smaller set.
        subsets: How many are drawn.
        seed: Of the draws.

    Raises:
        InvalidInputError: A set holds fewer than two images.
    """
    check_count("subsets", subsets)
    check_count("subset_size", subset_size, minimum=2)
    size = min(subset_size, len(made), len(real))
    if size < 2:
        raise InvalidInputError(
            f"`made` and `real` must hold at least 2 images each, got {len(made)} and {len(real)}."
        )
    draw = np.random.default_rng(seed)
    values = [
        squared_distance(
            made[draw.choice(len(made), size, replace=False)],
            real[draw.choice(len(real), size, replace=False)],
        )
        for _ in range(subsets)
    ]
    return Kid(
        value=float(np.mean(values)),
        spread=float(np.std(values)),
        features=features,
        subset_size=size,
        subsets=subsets,
    )


def squared_distance(made: Features, real: Features) -> float:
    """Unbiased squared maximum mean discrepancy under the kernel (x y / features + 1)^3."""
    within = [_without_itself(_kernel(x, x)) for x in (made, real)]
    return float(sum(within) - 2 * _kernel(made, real).mean())


def _kernel(x: Features, y: Features) -> Float[np.ndarray, "one other"]:
    return np.asarray((x.astype(np.float64) @ y.astype(np.float64).T / x.shape[1] + 1) ** 3)


def _without_itself(kernel: Float[np.ndarray, "image image"]) -> float:
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))
