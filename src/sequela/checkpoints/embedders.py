"""Embeddings as one safetensors file, whose header tells what they were taught to hold together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequela.checkpoints.single import check_images, fill, read_single, write_single
from sequela.core import InvalidInputError
from sequela.nn.embedder import Embedder

FORMAT = "sequela-embedder-1"
_BATCH = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedEmbedder:
    """A frozen embedding of one domain's images.

    Attributes:
        network: From images in [-1, 1] to unit vectors.
        card: Name, domain, image size, channels, `positives` (repeat visits, or augmentations of
            one image), thresholds, data, licence, figures.
    """

    network: Embedder
    card: dict[str, Any]

    @torch.no_grad()
    def __call__(
        self, images: Float[Tensor, "image channel side side"]
    ) -> Float[np.ndarray, "image dimension"]:
        """Unit vectors of images in [-1, 1], of the size and channels that the card names.

        Raises:
            InvalidInputError: The images have another size or number of channels.
        """
        check_images(images, self.card)
        parts = [self.network(batch) for batch in images.float().split(_BATCH)]
        return torch.cat(parts).double().numpy()

    def threshold(self, kind: str = "whole") -> float:
        """Cosine from which on two images count as of one person; `whole` or `region`.

        Raises:
            InvalidInputError: It was not measured for this kind.
        """
        known = self.card.get("thresholds", {})
        if kind not in known:
            raise InvalidInputError(
                f"`kind` must be one that {self.card['name']} was measured on, got {kind!r}. "
                f"Known: {', '.join(known) or 'none'}."
            )
        return float(known[kind])


def save_embedder(network: Embedder, path: Path, card: dict[str, Any]) -> None:
    """Write the weights in fp16 with their card.

    Args:
        network: The embedding.
        path: The safetensors file to write.
        card: At least name, domain, image_size, channels, dimensions, width, positives.
    """
    write_single(path, network.state_dict(), card, FORMAT)


def load_embedder(path: Path) -> TrainedEmbedder:
    """The embedding saved in `path`, strictly.

    Raises:
        CheckpointError: The file is missing, damaged, or holds something else.
    """
    weights, card = read_single(path, FORMAT)
    network = Embedder(
        channels=card["channels"], dimensions=card["dimensions"], width=card["width"]
    )
    fill(network, weights, path)
    network.float().eval().requires_grad_(requires_grad=False)
    return TrainedEmbedder(network=network, card=card)
