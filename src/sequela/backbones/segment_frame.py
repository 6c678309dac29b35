"""Where an image lies in the square that a Segment Anything network reads.

The image sits in the upper left corner; SAM keeps its shape and pads, SAM 2 stretches it.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SegmentFrame:
    """The placement of one image.

    Attributes:
        space: Height and width of the image.
        inner: Height and width of the scaled image inside the square.
        side: Side of the square.
    """

    space: tuple[int, int]
    inner: tuple[int, int]
    side: int

    def points(self, points: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2"]:
        """Points, across and down in image pixels, as the network counts them."""
        return points * torch.tensor(
            [self.inner[1] / self.space[1], self.inner[0] / self.space[0]], dtype=torch.float32
        )

    def boxes(self, boxes: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 4"]:
        """Boxes as the network counts them: by their first and last pixels, the right one closed.

        Args:
            boxes: Left, top, right, bottom in image pixels, right and bottom open.
        """
        corners = (boxes - boxes.new_tensor([0, 0, 1, 1])).unflatten(-1, (2, 2))
        return self.points(corners).flatten(-2)

    def back(self, square: Float[Tensor, "mask side side"]) -> Float[Tensor, "mask height width"]:
        """What the network drew on its coarse square, on the image's own grid."""
        large = F.interpolate(square[None], size=(self.side, self.side), mode="bilinear")
        inner = large[..., : self.inner[0], : self.inner[1]]
        return F.interpolate(inner, size=self.space, mode="bilinear")[0]

    def forward(
        self, masks: Float[Tensor, "mask height width"], coarse: int
    ) -> Float[Tensor, "mask coarse coarse"]:
        """Masks of the image as the network should draw them; the padding holds none.

        Args:
            masks: On the image's grid.
            coarse: Side of the square that the network draws on.
        """
        inner = F.interpolate(masks[None], size=self.inner, mode="bilinear", antialias=True)
        rest = (0, self.side - self.inner[1], 0, self.side - self.inner[0])
        return F.interpolate(F.pad(inner, rest), size=(coarse, coarse), mode="area")[0]
