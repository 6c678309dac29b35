"""Diversity: how far the simulations of one patient under several seeds lie apart.

None means that seeds say nothing; as much as two patients lie apart means that the patient is lost.
"""

import numpy as np
from jaxtyping import Float

from sequela.core import InvalidInputError
from sequela.metrics.identity import cosine


def diversity(vectors: Float[np.ndarray, "seed dimension"]) -> float:
    """Mean cosine distance of the embeddings of all pairs of seeds, [0, 2]."""
    _check(len(vectors))
    first, second = np.triu_indices(len(vectors), 1)
    return float(np.mean(1 - cosine(vectors[first], vectors[second])))


def pixel_spread(
    states: Float[np.ndarray, "seed channel height width"],
    region: Float[np.ndarray, "height width"],
) -> float:
    """Standard deviation over seeds, its mean over the region, in the images' units.

    Args:
        states: The same state under each seed.
        region: Soft mask in [0, 1] of what counts.
    """
    _check(len(states))
    spread = states.astype(np.float64).std(axis=0, ddof=1).mean(axis=0)
    total = float(region.sum())
    return float((spread * region).sum()) / total if total else float("nan")


def _check(seeds: int) -> None:
    if seeds < 2:
        raise InvalidInputError(
            f"`seed` axis must hold at least 2 seeds, got {seeds}. Simulate with several seeds."
        )
