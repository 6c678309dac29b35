"""Memorisation: is a generated image a copy of a training image?"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, kw_only=True, eq=False)
class Nearest:
    """For each image its most similar reference.

    Attributes:
        correlation: Pearson correlation of the pixels, [-1, 1].
        index: Which reference.
    """

    correlation: Float[np.ndarray, " image"]
    index: Int[np.ndarray, " image"]


def nearest(
    images: Float[np.ndarray, "image *space"],
    references: Float[np.ndarray, "reference *space"],
) -> Nearest:
    """The most similar reference of each image, whatever its brightness and contrast.

    Compare generated images with held-out real ones: only a generated image that is nearer to a
    training image than real people are to each other is suspected of being a copy.
    """
    similarity = _standardised(images) @ _standardised(references).T
    index = similarity.argmax(axis=1)
    return Nearest(correlation=similarity[np.arange(len(images)), index], index=index)


def _standardised(images: np.ndarray) -> np.ndarray:
    flat = images.reshape(len(images), -1).astype(np.float64)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True))
