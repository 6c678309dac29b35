"""An embedding of images: unit vectors that lie close where two images show one person."""

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from torch import Tensor, nn

from sequela.nn.classifiers import ResidualTrunk, Standardised


class _Pooled(nn.Module):
    """The residual features of the whole image and of its quarters, and a linear head.

    The quarters keep left and right, above and below apart; anything finer would ask the films of
    two visits to lie on each other.
    """

    def __init__(self, channels: int, dimensions: int, width: int) -> None:
        super().__init__()
        self.trunk = ResidualTrunk(channels, width)
        self.head = nn.Linear(5 * self.trunk.features, dimensions)

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch dimension"]:
        """Vectors of any length."""
        trunk = self.trunk
        maps = F.silu(trunk.norm(trunk.blocks(trunk.stem(images))))
        quarters = F.adaptive_avg_pool2d(maps, 2).flatten(1)
        return torch.as_tensor(self.head(torch.cat([maps.mean((2, 3)), quarters], dim=1)))


class Embedder(nn.Module):
    """Unit vectors of images in [-1, 1], each seen by its own mean and spread."""

    def __init__(self, *, channels: int, dimensions: int, width: int = 16) -> None:
        super().__init__()
        self.network = Standardised(_Pooled(channels, dimensions, width))

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch dimension"]:
        """Vectors of length 1; the cosine of two is their scalar product."""
        return F.normalize(self.network(images), dim=1)
