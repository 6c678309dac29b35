"""Exposure: each image shown as another one was exposed, so that exposure tells nothing of disease.

In a set that was gathered from the archives of years, the ill and the healthy come from other
machines and days. Here the films with pneumonia have darker lungs than those without, in both
views; a generator that learns it darkens lungs to make them ill, and a judge applauds.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

_KNOTS = np.linspace(0.05, 0.95, 10)  # quantiles that are brought to the other image's


def swap_exposure(
    images: Float[Tensor, "batch channel side side"], generator: torch.Generator
) -> Float[Tensor, "batch channel side side"]:
    """Each image with the grey values of a random other one of the batch, in its own order.

    The mapping is monotone, the same for all pixels of an image, and leaves black and white.

    Args:
        images: In [-1, 1]; colours are mapped together.
        generator: Chooses the others.
    """
    others = torch.randperm(len(images), generator=generator).tolist()
    knots = [_knots(image) for image in images.numpy()]
    swapped = [
        np.interp(image, knots[own], knots[other])
        for own, (image, other) in enumerate(zip(images.numpy(), others, strict=True))
    ]
    return torch.from_numpy(np.stack(swapped)).to(images)


def _knots(image: Float[np.ndarray, "channel side side"]) -> Float[np.ndarray, " knot"]:
    eighth = max(1, image.shape[-1] // 8)
    middle = image[:, eighth:-eighth, eighth:-eighth]
    inner = np.quantile(middle, _KNOTS)
    # a flat stretch, such as a black border, has no order of its own: keep the ends apart
    rising = np.maximum.accumulate(inner + 1e-4 * np.arange(len(inner)))
    return np.concatenate([[-1.001], np.clip(rising, -1 + 1e-4, 1 - 1e-4), [1.001]])
