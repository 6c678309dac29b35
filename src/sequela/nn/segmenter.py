"""A small U-Net that draws masks: half-resolution inside, full resolution at both ends.

Source: Ronneberger et al., "U-Net", MICCAI 2015; the pixel shuffling at its ends is that of Shi et
al., CVPR 2016, and saves three quarters of the work.
"""

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from torch import Tensor, nn


class DoubleConv(nn.Module):
    """Two 3x3 convolutions with normalisation."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
            nn.GroupNorm(4, channels_out),
            nn.SiLU(),
            nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
            nn.GroupNorm(4, channels_out),
            nn.SiLU(),
        )

    def forward(self, x: Float[Tensor, "batch _ h w"]) -> Float[Tensor, "batch _ h w"]:
        """Features on the same grid."""
        return torch.as_tensor(self.layers(x))


class Segmenter(nn.Module):
    """Logits of each class at each pixel of a grey image.

    Attributes:
        multiple: The sides of an image must be multiples of it.
    """

    multiple = 16

    def __init__(self, classes: int, width: int = 16) -> None:
        super().__init__()
        widths = [width, 2 * width, 3 * width, 4 * width]
        self.down = nn.ModuleList(
            DoubleConv(a, b) for a, b in zip([4, *widths[:-1]], widths, strict=True)
        )
        self.up = nn.ModuleList(
            DoubleConv(a + b, b) for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv2d(width, 4 * classes, 1)

    def forward(
        self, images: Float[Tensor, "batch 1 height width"]
    ) -> Float[Tensor, "batch cls height width"]:
        """Logits; each image is seen by its own mean and spread."""
        spread, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
        x = F.pixel_unshuffle((images - mean) / (spread + 1e-3), 2)
        kept = []
        for index, layer in enumerate(self.down):
            x = layer(F.max_pool2d(x, 2) if index else x)
            kept.append(x)
        for layer, beside in zip(self.up, kept[-2::-1], strict=True):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = layer(torch.cat([x, beside], dim=1))
        return F.pixel_shuffle(self.head(x), 2)
