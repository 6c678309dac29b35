"""Memorisation: is a generated image a copy of a training image?

Real people of whom the model saw nothing set the measure: a generated image is suspected only where
it lies nearer to a training image than nearly all of them do. Pixels find copies as they are;
vectors of an identity embedding also find the same person in another pose.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from sequela.core import InvalidInputError
from sequela.core.checks import check_share

RULE = 0.05  # share of held-out real images that lie nearer than what may be shipped


@dataclass(frozen=True, kw_only=True, eq=False)
class Nearest:
    """For each image its most similar reference.

    Attributes:
        similarity: Pearson correlation of pixels, or cosine of vectors, [-1, 1].
        index: Which reference.
    """

    similarity: Float[np.ndarray, " image"]
    index: Int[np.ndarray, " image"]

    @property
    def distance(self) -> Float[np.ndarray, " image"]:
        """1 - similarity, [0, 2]."""
        return 1 - self.similarity


def nearest(
    images: Float[np.ndarray, "image *space"],
    references: Float[np.ndarray, "reference *space"],
) -> Nearest:
    """The most similar reference of each image, whatever its brightness and contrast.

    Compare generated images with held-out real ones: only a generated image that is nearer to a
    training image than real people are to each other is suspected of being a copy.
    """
    return nearest_vectors(_flat(images), _flat(references))


def nearest_vectors(
    vectors: Float[np.ndarray, "image dimension"],
    references: Float[np.ndarray, "reference dimension"],
) -> Nearest:
    """The reference of the largest cosine for each vector."""
    similarity = _units(vectors) @ _units(references).T
    index = similarity.argmax(axis=1)
    return Nearest(similarity=similarity[np.arange(len(vectors)), index], index=index)


@dataclass(frozen=True, kw_only=True, eq=False)
class Memorisation:
    """How near generated images come to training images, against held-out real ones.

    Attributes:
        limit: Distance that a share of `rule` of the held-out images falls below.
        rule: That share.
        nearer: Which generated images lie nearer than the limit.
        margin: Median distance of the generated over that of the held-out images; 1 is alike.
    """

    limit: float
    rule: float
    nearer: Bool[np.ndarray, " image"]
    margin: float

    @property
    def share(self) -> float:
        """Share of generated images below the limit; about `rule` where nothing is copied."""
        return float(self.nearer.mean())


def memorisation(made: Nearest, held_out: Nearest, *, rule: float = RULE) -> Memorisation:
    """Hold generated images against held-out real ones; a shipped image must not be `nearer`.

    Args:
        made: Generated images, or the states of trajectories, against the training images.
        held_out: Real images of other people against the same training images.
        rule: Share of the held-out images that sets the limit.

    Raises:
        InvalidInputError: There are fewer held-out images than the rule needs for one below.
    """
    check_share("rule", rule, above_zero=True)
    if len(held_out.distance) * rule < 1:
        raise InvalidInputError(
            f"`held_out` must hold at least {int(np.ceil(1 / rule))} images for a rule of {rule}, "
            f"got {len(held_out.distance)}. Compare with more images."
        )
    limit = float(np.percentile(held_out.distance, 100 * rule))
    return Memorisation(
        limit=limit,
        rule=rule,
        nearer=made.distance < limit,
        margin=float(np.median(made.distance) / np.median(held_out.distance)),
    )


def _flat(images: Float[np.ndarray, "image *space"]) -> Float[np.ndarray, "image pixel"]:
    flat = images.reshape(len(images), -1).astype(np.float64)
    return np.asarray(flat - flat.mean(axis=1, keepdims=True))


def _units(vectors: Float[np.ndarray, "image dimension"]) -> Float[np.ndarray, "image dimension"]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float64)  # a flat image is like none
