"""What an edit does to any image, blur, noise and all, must not look like disease to a judge."""

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from torch import Tensor

from sequela.nn.blur import blurred

_BLUR_PX = 1.5  # largest standard deviation
_RADIUS_PX = 4
_SHARPEN = 1.0  # largest share of the detail that is added once more
_NOISE = 0.06  # largest standard deviation, of the range [-1, 1]
_GAMMA = 0.3  # largest |log gamma|


def degrade(
    images: Float[Tensor, "batch channel side side"], generator: torch.Generator
) -> Float[Tensor, "batch channel side side"]:
    """Each image a little blurred or sharpened, noisier, and darker or lighter, at random."""
    draw = torch.rand(len(images), 4, 1, 1, 1, generator=generator)
    padded = F.pad(images, (_RADIUS_PX,) * 4, mode="replicate")
    soft = blurred(padded, max(_BLUR_PX * float(draw[0, 0]), 0.1), _RADIUS_PX)
    # from all of the blur (share 1) over none (0) to sharpening (-1)
    share = draw[:, 1] * (1 + _SHARPEN) - _SHARPEN
    noise = torch.randn(images.shape, generator=generator) * _NOISE * draw[:, 2]
    changed = (torch.lerp(images, soft, share.expand_as(images)) + noise).clamp(-1, 1)
    gamma = torch.exp((2 * draw[:, 3] - 1) * _GAMMA)
    return 2 * ((changed + 1) / 2) ** gamma - 1
