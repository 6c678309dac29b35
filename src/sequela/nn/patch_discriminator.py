"""A patch discriminator: is each patch of a slice, or of a volume, a real one?

Source: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks",
arXiv:1611.07004; hinge loss and feature matching as in TATS, arXiv:2204.03638. Departs from it:
group norm for batch norm, whose statistics mean little for single volumes.
"""

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from torch import Tensor, nn

from sequela.core.checks import check_count

Image = Float[Tensor, "batch _ *_"]  # channels and sides differ between layers

_MIDDLE_GROUPS = 8


class PatchDiscriminator(nn.Module):
    """Scores of patches, positive for real, and the features that led to them."""

    def __init__(self, *, dimensions: Literal[2, 3], width: int = 64, layers: int = 3) -> None:
        """`layers` halve the grid, each but the first twice as wide, at most eightfold."""
        super().__init__()
        check_count("layers", layers)
        conv = nn.Conv2d if dimensions == 2 else nn.Conv3d
        widths = [1, *(width * min(2**i, 8) for i in range(layers + 1))]
        self.blocks = nn.ModuleList()
        for index in range(layers + 1):
            stride = 2 if index < layers else 1
            block = [conv(widths[index], widths[index + 1], 4, stride, padding=2)]
            norm = [nn.GroupNorm(_MIDDLE_GROUPS, widths[index + 1])] if index else []
            self.blocks.append(nn.Sequential(*block, *norm, nn.LeakyReLU(0.2)))
        self.head = conv(widths[-1], 1, 4, 1, padding=2)

    def forward(self, images: Image) -> tuple[Image, tuple[Image, ...]]:
        """Scores of patches, and the features of each layer."""
        features, x = [], images
        for block in self.blocks:
            x = block(x)
            features.append(x)
        return torch.as_tensor(self.head(x)), tuple(features)


def hinge(real: Image, made: Image) -> Float[Tensor, ""]:
    """The discriminator's loss: real patches above 1, made ones below -1."""
    return 0.5 * (F.relu(1 - real).mean() + F.relu(1 + made).mean())


def matching(real: tuple[Image, ...], made: tuple[Image, ...]) -> Float[Tensor, ""]:
    """Sum over layers of the mean absolute difference of features."""
    gaps = [(a.detach() - b).abs().mean() for a, b in zip(real, made, strict=True)]
    return torch.stack(gaps).sum()


def perceptual(real: tuple[Image, ...], made: tuple[Image, ...]) -> Float[Tensor, ""]:
    """Mean over layers of the squared distance of features of unit length at each place.

    The form of LPIPS (Zhang et al., arXiv:1801.03924) on a discriminator's features: it is not
    LPIPS, and no number of it compares with one.
    """
    gaps = [
        (F.normalize(a.detach(), dim=1) - F.normalize(b, dim=1)).square().sum(dim=1).mean()
        for a, b in zip(real, made, strict=True)
    ]
    return torch.stack(gaps).mean()
