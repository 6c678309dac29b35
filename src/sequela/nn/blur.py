"""A Gaussian blur of batches of images, differentiable and on any device."""

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from torch import Tensor


def blurred(
    padded: Float[Tensor, "batch channel height width"], sigma_px: float, radius: int
) -> Float[Tensor, "batch channel inner_height inner_width"]:
    """Images smaller by `radius` on each side: what lies beyond the edge is the caller's to say.

    Args:
        padded: Images with a margin of `radius`.
        sigma_px: Standard deviation in pixels.
        radius: Of the kernel, which sums to 1.
    """
    places = torch.arange(-radius, radius + 1).to(padded)
    kernel = torch.softmax(-places.square() / (2 * sigma_px**2), 0)
    channels = padded.shape[1]
    rows = F.conv2d(padded, kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
    return F.conv2d(rows, kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
