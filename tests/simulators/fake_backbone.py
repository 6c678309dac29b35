"""A latent diffusion model whose every answer is known: exact codec, oracle denoiser."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from torch import Tensor

from sequela.diffusion import Posterior, TextEmbedding, scaled_linear_schedule


class FakeBackbone:
    """Latents are images at half size; the oracle knows which clean latents each text wants.

    A text of the form `+0.2` asks for the clean latents it is given plus 0.2, everything else for
    what it is given. Without noise (`NoNoise`) it knows the clean latents exactly.
    """

    name = "fake"
    image_size = 32
    image_multiple = 2
    image_channels = 1
    device = torch.device("cpu")
    card: dict[str, Any] = {"name": "fake", "sha256": "0" * 64}  # noqa: RUF012  # as the protocol has it

    def __init__(self, channels: int = 1) -> None:
        self.image_channels = channels
        # denoised to the very end, unlike Stable Diffusion: its .9996 would blur every closed form
        published = scaled_linear_schedule(prediction="sample")
        self.schedule = replace(published, final_alpha=1.0, final_sigma=0.0)
        self.calls: list[tuple[int, int]] = []

    def encode(self, images: Tensor) -> Posterior:
        mean = F.avg_pool2d(images, 2)
        return Posterior(mean=mean, std=torch.zeros_like(mean))

    def decode(self, latents: Tensor) -> Tensor:
        return F.interpolate(latents, scale_factor=2, mode="nearest")

    def embed(self, texts: Sequence[str]) -> TextEmbedding:
        pulls = [float(t) if t.startswith(("+", "-")) else 0.0 for t in texts]
        cut = tuple(t[77:] for t in texts)
        return TextEmbedding(tokens=torch.tensor(pulls).view(-1, 1, 1), extra={}, truncated=cut)

    def denoise(self, latents: Tensor, timestep: int, embedding: TextEmbedding) -> Tensor:
        self.calls.append((timestep, len(latents)))
        alpha, _ = self.schedule.at(timestep)
        # noise is removed by nothing: with the noise at zero the clean latents are latents / alpha
        return latents / alpha + embedding.tokens.view(-1, 1, 1, 1)


class NoNoise:
    """A source of noise that draws zeros, so that every pass has a closed form."""

    def normal(self, shape: Sequence[int], *, sample: int, step: int, draw: int) -> Tensor:
        return torch.zeros(tuple(shape))
