"""What the forecaster is trained to: a squared error that does not forget rare voxels, and overlap.

A voxel in a thousand is a lesion. Plain squared error is right on average but learns nothing for
long; lesion voxels weigh more, and the weight is taken back from the forecast by the overlap of
whole masks only at low noise, where the mask can be seen.
"""

from jaxtyping import Float
from torch import Tensor

Volume = Float[Tensor, "batch 1 depth height width"]


def squared_error(
    denoised: Volume, clean: Volume, within: Volume, *, lesion_weight: float = 1.0
) -> Tensor:
    """Mean squared error over the voxels that count, lesion voxels weighing more.

    Any weight but 1 makes forecasts too sure of lesions by that factor in their odds.
    """
    weight = within * (1 + (lesion_weight - 1) * (clean > 0))
    total = (weight * (denoised - clean) ** 2).sum((1, 2, 3, 4))
    return (total / within.sum((1, 2, 3, 4)).clamp(min=1)).mean()


def overlap_loss(
    denoised: Volume, clean: Volume, within: Volume, noise: Float[Tensor, " batch"]
) -> Tensor:
    """1 - soft Dice of the masks, weighed by how little noise there is; 0 where truth is empty.

    Args:
        denoised: Signed forecast.
        clean: Signed truth.
        within: Voxels that count.
        noise: Noise standard deviation of each example, [0, 1].
    """
    forecast, truth = (within * (part + 1) / 2 for part in (denoised, clean))
    common = (forecast * truth).sum((1, 2, 3, 4))
    both = forecast.sum((1, 2, 3, 4)) + truth.sum((1, 2, 3, 4))
    loss = (1 - (2 * common + 1e-3) / (both + 1e-3)) * (truth.sum((1, 2, 3, 4)) > 0)
    return (loss * (1 - noise)).mean()
