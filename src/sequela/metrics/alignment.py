"""Alignment: does an image follow its own words better than those of others?

A score alone depends on the scorer; against shuffled words it becomes a difference that is 0 for a
model that does not read.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped

from sequela.core import InvalidInputError
from sequela.metrics.bootstrap import DRAWS, Estimate, mean_estimate
from sequela.metrics.identity import cosine


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """Scores of images with their own words and with the words of others.

    Attributes:
        matched: Mean score with the own words.
        shuffled: Mean score with other words, each image's mean first.
        gain: Paired difference.
        first_choice: Share of images whose own words score highest; ties do not count.
        chance: The same for a scorer that cannot read.
    """

    matched: Estimate
    shuffled: Estimate
    gain: Estimate
    first_choice: Estimate
    chance: float


def alignment(
    scores: Float[np.ndarray, "image text"],
    own: Shaped[np.ndarray, " image"],
    patients: Shaped[np.ndarray, " image"],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Alignment:
    """Text-image alignment against shuffled pairs.

    Args:
        scores: Of each image with each text, such as cosines of CLIP or a judge's logits; each text
            once, for equal words are no shuffle.
        own: Index of each image's own text.
        patients: Who each image is of.
        draws: Bootstrap samples.
        seed: Of the draws.

    Raises:
        InvalidInputError: There are fewer than two texts.
    """
    images, texts = scores.shape
    if texts < 2:
        raise InvalidInputError(f"`scores` must compare at least 2 texts, got {texts}.")
    matched = scores[np.arange(images), own].astype(np.float64)
    others = np.stack([np.delete(row, mine) for row, mine in zip(scores, own, strict=True)])

    def told(values: Float[np.ndarray, " image"]) -> Estimate:
        return mean_estimate(values, patients, draws=draws, seed=seed)

    return Alignment(
        matched=told(matched),
        shuffled=told(others.mean(axis=1)),
        gain=told(matched - others.mean(axis=1)),
        first_choice=told((matched > others.max(axis=1)) * 1.0),
        chance=1 / texts,
    )


def similarities(
    images: Float[np.ndarray, "image dimension"], texts: Float[np.ndarray, "text dimension"]
) -> Float[np.ndarray, "image text"]:
    """Cosines of each image with each text."""
    return np.stack([cosine(images, np.broadcast_to(text, images.shape)) for text in texts], axis=1)
