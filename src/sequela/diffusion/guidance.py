"""Classifier-free guidance towards one finding or several, each with its weight and its place.

Source: Ho and Salimans, "Classifier-Free Diffusion Guidance", arXiv:2207.12598 (the scale here is
their w + 1, as in the published pipelines); Liu et al., "Compositional Visual Generation with
Composable Diffusion Models", arXiv:2206.01714, equation (11). Departs from the latter: where
findings overlap, their sum is divided by the norm it would have if each had norm 1, if above 1: by
the root of the summed squared weights where they pull in unrelated ways, by the sum of the weights
where they pull the same way, as most findings of one organ do.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from sequela.core.errors import InvalidInputError

Prediction = Float[Tensor, "batch latent *space"]
SoftMask = Float[Tensor, "#batch 1 *space"]


def guided(
    unconditional: Prediction,
    conditionals: Sequence[Prediction],
    weights: Sequence[float],
    masks: Sequence[SoftMask | None],
    guidance_scale: float,
) -> Prediction:
    """The prediction moved from the unconditional one towards all findings together.

    One finding of weight 0.8 gets 0.8 of the guidance scale; two of full weight in one place share
    it, so that asking for more findings does not oversaturate the image.

    Args:
        unconditional: Prediction for the empty or negative prompt.
        conditionals: One prediction for each finding.
        weights: Each finding's share of the guidance scale, >= 0.
        masks: Where each finding may appear, on the latents' grid; None means everywhere.
        guidance_scale: 1 gives the plain conditional prediction, 0 the unconditional one.
    """
    if not len(conditionals) == len(weights) == len(masks):
        raise InvalidInputError(
            "`conditionals`, `weights` and `masks` must be equally many, got "
            f"{len(conditionals)}, {len(weights)} and {len(masks)}. Give one of each for a finding."
        )
    shares = [
        unconditional.new_tensor(weight) if mask is None else weight * mask
        for weight, mask in zip(weights, masks, strict=True)
    ]
    if not shares:
        return unconditional
    pulls = [conditional - unconditional for conditional in conditionals]
    direction = torch.zeros_like(unconditional)
    for share, pull in zip(shares, pulls, strict=True):
        direction = direction + share * pull
    return unconditional + guidance_scale * direction / _common_norm(shares, pulls)


def _common_norm(shares: Sequence[Tensor], pulls: Sequence[Prediction]) -> Tensor:
    """Norm of all shares together, each pair by how much they pull the same way; at least 1."""
    total = pulls[0].new_zeros(())
    for i, (share, pull) in enumerate(zip(shares, pulls, strict=True)):
        total = total + share.square()
        for other, second in zip(shares[:i], pulls[:i], strict=True):
            both = share * other
            total = total + 2 * both * _alike(both * pull, both * second)
    # The floor of 1 leaves a single weak finding weak: only overlaps are brought down. It is set
    # before the root, for findings that pull opposite ways may round to less than 0.
    return total.clamp(min=1).sqrt()


def _alike(one: Prediction, other: Prediction) -> Float[Tensor, "batch 1 1 1"]:
    """Cosine of two directions, one for each sample; 0 where either is nothing."""
    one, other = one.flatten(1), other.flatten(1)
    cosine = torch.nn.functional.cosine_similarity(one, other, dim=1)
    return cosine.view(-1, 1, 1, 1)
