"""Classifiers of images: the published DenseNet, a compact one, and two of other kinds as judges.

Source: Huang et al., "Densely Connected Convolutional Networks", CVPR 2017, through MONAI; He et
al., "Identity Mappings in Deep Residual Networks", ECCV 2016, for the residual one.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from torch import Tensor, nn

from sequela.core.checks import check_choice
from sequela.nn.lesion_filters import LesionFilterClassifier


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut; the first may halve the grid."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.norm2 = nn.GroupNorm(8, channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(channels_in, channels_out, 1, bias=False)
        self.stride = stride

    def forward(self, x: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch _ _ _"]:
        """The refined features, on a grid smaller by the stride."""
        change = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        pooled = F.avg_pool2d(x, self.stride) if self.stride > 1 else x
        return torch.as_tensor(self.shortcut(pooled) + change)


class ResidualTrunk(nn.Module):
    """Features of an image: a stem and four blocks, averaged over the image."""

    def __init__(self, channels: int, width: int = 16) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 5, 2, 2, bias=False)
        widths = [width, width, 2 * width, 4 * width, 6 * width]
        self.blocks = nn.Sequential(
            *(ResidualBlock(low, high, stride=2) for low, high in pairwise(widths))
        )
        self.norm = nn.GroupNorm(8, widths[-1])
        self.features = widths[-1]

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch feature"]:
        """Features of whole images."""
        return F.silu(self.norm(self.blocks(self.stem(images)))).mean((2, 3))


class ResidualClassifier(nn.Module):
    """The residual features with dropout and one logit for each target."""

    def __init__(self, channels: int, targets: int) -> None:
        super().__init__()
        self.trunk = ResidualTrunk(channels)
        self.head = nn.Linear(self.trunk.features, targets)

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch target"]:
        """Logits."""
        features = F.dropout(self.trunk(images), 0.3, self.training)
        return torch.as_tensor(self.head(features))


def _densenet121(channels: int, targets: int) -> nn.Module:
    from monai.networks.nets.densenet import DenseNet121

    network: Any = DenseNet121(spatial_dims=2, in_channels=channels, out_channels=targets)
    return torch.nn.Sequential(network)


def _densenet_mini(channels: int, targets: int) -> nn.Module:
    from monai.networks.nets.densenet import DenseNet

    network: Any = DenseNet(
        spatial_dims=2,
        in_channels=channels,
        out_channels=targets,
        init_features=24,
        growth_rate=12,
        block_config=(3, 4, 6, 4),
        dropout_prob=0.1,
    )
    return torch.nn.Sequential(network)


class Standardised(nn.Module):
    """A network that sees each image by its own mean and spread.

    Exposure differs between views and cameras; disease does not.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch target"]:
        """Logits."""
        spread, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
        return torch.as_tensor(self.network((images - mean) / (spread + 1e-3)))


def _standardised(build: Callable[[int, int], nn.Module]) -> Callable[[int, int], nn.Module]:
    return lambda channels, targets: Standardised(build(channels, targets))


ARCHITECTURES: dict[str, Callable[[int, int], nn.Module]] = {
    "densenet121": _standardised(_densenet121),
    "densenet-mini": _standardised(_densenet_mini),
    "residual-mini": _standardised(ResidualClassifier),
    # the filters tell the retina from the black around it, and make up for light themselves
    "lesion-filters": LesionFilterClassifier,
}


def build_classifier(architecture: str, *, channels: int, targets: int) -> nn.Module:
    """An untrained classifier of images in [-1, 1]; it gives one logit for each target.

    Args:
        architecture: `densenet121` as published, `densenet-mini`, `residual-mini`, or, for
            photographs of the retina, `lesion-filters`.
        channels: 1 or 3.
        targets: Findings that are told apart, each present or absent on its own.
    """
    check_choice("architecture", architecture, ARCHITECTURES)
    return ARCHITECTURES[architecture](channels, targets)
