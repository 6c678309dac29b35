"""What the forecaster is trained to: the likelihood of every voxel, of places, and overlap.

A voxel in a thousand is a lesion. The likelihood is a proper score: chances come out right however
rare a lesion is, without weights that would have to be taken back later. That of places alone is
asked for beside it, since behind little noise a voxel says more of itself than the patient does,
and the base map would learn slowly. Overlap counts only as far as the mask can be seen through its
noise.
"""

import torch.nn.functional as F  # noqa: N812  # the name everybody knows it by
from jaxtyping import Float
from torch import Tensor

Volume = Float[Tensor, "batch 1 depth height width"]


def voxel_loss(
    odds: Volume, truth: Volume, within: Volume, count: Float[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """Negative log likelihood of a mask, for each lesion that it holds and one more.

    Args:
        odds: Log odds of a lesion.
        truth: 1 where one is.
        within: 1 at voxels that count.
        count: Lesions of each mask.
    """
    lost = F.binary_cross_entropy_with_logits(odds, truth, reduction="none")
    return (within * lost).sum((1, 2, 3, 4)) / (count + 1)


def place_loss(base: Volume, truth: Volume) -> Float[Tensor, " batch"]:
    """Negative log chance of a lesion voxel's place, mean over each mask; 0 where truth is empty.

    Args:
        base: Log chance that a lesion voxel is this one; see `network.Known`.
        truth: 1 where one is.
    """
    voxels = truth.sum((1, 2, 3, 4)).clamp(min=1)
    return -(base * truth).sum((1, 2, 3, 4)) / voxels


def overlap_loss(
    chances: Volume, truth: Volume, within: Volume, noise: Float[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """1 - soft Dice of the masks, weighed by how little noise there is; 0 where truth is empty.

    Args:
        chances: Of a lesion.
        truth: 1 where one is.
        within: 1 at voxels that count.
        noise: Noise standard deviation of each example, [0, 1].
    """
    forecast = within * chances
    common = (forecast * truth).sum((1, 2, 3, 4))
    both = (forecast + within * truth).sum((1, 2, 3, 4))
    loss = (1 - (2 * common + 1e-3) / (both + 1e-3)) * ((within * truth).sum((1, 2, 3, 4)) > 0)
    return loss * (1 - noise)
