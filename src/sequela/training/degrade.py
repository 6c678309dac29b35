"""What an edit does to any image, blur, noise and all, must not look like disease to a judge."""

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from torch import Tensor

_BLUR_PX = 1.5  # largest standard deviation
_SHARPEN = 1.0  # largest share of the detail that is added once more
_NOISE = 0.06  # largest standard deviation, of the range [-1, 1]
_GAMMA = 0.3  # largest |log gamma|


def degrade(
    images: Float[Tensor, "batch channel side side"], generator: torch.Generator
) -> Float[Tensor, "batch channel side side"]:
    """Each image a little blurred or sharpened, noisier, and darker or lighter, at random."""
    draw = torch.rand(len(images), 4, 1, 1, 1, generator=generator)
    blurred = _blur(images, _BLUR_PX * float(draw[0, 0]))
    # from all of the blur (share 1) over none (0) to sharpening (-1)
    share = draw[:, 1] * (1 + _SHARPEN) - _SHARPEN
    noise = torch.randn(images.shape, generator=generator) * _NOISE * draw[:, 2]
    changed = (torch.lerp(images, blurred, share.expand_as(images)) + noise).clamp(-1, 1)
    gamma = torch.exp((2 * draw[:, 3] - 1) * _GAMMA)
    return 2 * ((changed + 1) / 2) ** gamma - 1


def _blur(
    images: Float[Tensor, "batch channel side side"], sigma_px: float
) -> Float[Tensor, "batch channel side side"]:
    radius = 4
    places = torch.arange(-radius, radius + 1).to(images)
    kernel = torch.softmax(-places.square() / (2 * max(sigma_px, 0.1) ** 2), 0)
    channels = images.shape[1]
    padded = F.pad(images, (radius,) * 4, mode="replicate")
    rows = F.conv2d(padded, kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
    return F.conv2d(rows, kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
