"""Backbone: what progressive editing needs of a latent diffusion model, and nothing more.

Eq. 6 of the paper does not care which network proposes the change; anything that offers these
methods can drive the editor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from sequela.diffusion.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """The encoder's Gaussian over latents, already scaled to what the denoiser expects."""

    mean: Float[Tensor, "batch latent height width"]
    std: Float[Tensor, "batch latent height width"]


@dataclass(frozen=True, kw_only=True)
class TextEmbedding:
    """What the text encoders made of some texts.

    Attributes:
        tokens: `[B, tokens, width]`.
        extra: Named tensors with the same batch axis, such as pooled vectors, handed on unread.
        truncated: For each text, the part that did not fit, or "".
    """

    tokens: Float[Tensor, "batch tokens width"]
    extra: dict[str, Tensor]
    truncated: tuple[str, ...]

    def select(self, texts: Sequence[int]) -> "TextEmbedding":
        """Some of the texts, in any order and as often as asked: one for each item of a batch."""
        chosen = list(texts)
        return TextEmbedding(
            tokens=self.tokens[chosen],
            extra={name: value[chosen] for name, value in self.extra.items()},
            truncated=tuple(self.truncated[i] for i in chosen),
        )


@runtime_checkable
class Backbone(Protocol):
    """A latent diffusion model: image codec, text encoder, denoiser, noise schedule."""

    name: str
    image_size: int  # pixels along the side it was trained at
    image_multiple: int  # image sides must be multiples of this
    image_channels: int  # 1 grey, 3 RGB
    schedule: Schedule
    device: torch.device
    card: dict[str, Any]  # name, sha256, licence, source: goes into the record

    def encode(self, images: Float[Tensor, "batch channel height width"]) -> Posterior:
        """Images in [-1, 1] to the posterior over scaled latents."""
        ...

    def decode(
        self, latents: Float[Tensor, "batch latent height width"]
    ) -> Float[Tensor, "batch channel height_px width_px"]:
        """Scaled latents to images, about [-1, 1], not clipped."""
        ...

    def embed(self, texts: Sequence[str]) -> TextEmbedding:
        """Texts to what `denoise` takes."""
        ...

    def denoise(
        self,
        latents: Float[Tensor, "batch latent height width"],
        timestep: int,
        embedding: TextEmbedding,
    ) -> Float[Tensor, "batch latent height width"]:
        """The network's raw output at one timestep; `schedule.prediction` tells what it means."""
        ...
