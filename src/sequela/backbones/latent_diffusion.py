"""A latent diffusion model behind the `Backbone` protocol, whichever family it is of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from sequela.backbones.text import TextEncoders
from sequela.core.errors import GeometryMismatchError, InvalidInputError
from sequela.diffusion import Posterior, Schedule, TextEmbedding


@runtime_checkable
class Denoiser(Protocol):
    """How a family's network is called."""

    def __call__(
        self, latents: Tensor, times: Tensor, tokens: Tensor, extra: dict[str, Tensor]
    ) -> Tensor:
        """The raw output for `[B]` model times."""
        ...


@dataclass(frozen=True)
class UnetDenoiser:
    """Stable Diffusion 1.x and 2.x."""

    network: Any

    def __call__(
        self, latents: Tensor, times: Tensor, tokens: Tensor, extra: dict[str, Tensor]
    ) -> Tensor:
        """See `Denoiser`."""
        output: Tensor = self.network(latents, times, tokens, return_dict=False)[0]
        return output


@dataclass(frozen=True)
class UnetXlDenoiser:
    """Stable Diffusion XL: it is also told the pooled text and that the image is whole."""

    network: Any
    pixels_per_latent: int

    def __call__(
        self, latents: Tensor, times: Tensor, tokens: Tensor, extra: dict[str, Tensor]
    ) -> Tensor:
        """See `Denoiser`."""
        height, width = (side * self.pixels_per_latent for side in latents.shape[-2:])
        size = latents.new_tensor([height, width, 0, 0, height, width]).expand(len(latents), 6)
        added = {"text_embeds": extra["pooled"], "time_ids": size}
        output: Tensor = self.network(
            latents, times, tokens, added_cond_kwargs=added, return_dict=False
        )[0]
        return output


@dataclass(frozen=True)
class TransformerDenoiser:
    """Stable Diffusion 3."""

    network: Any

    def __call__(
        self, latents: Tensor, times: Tensor, tokens: Tensor, extra: dict[str, Tensor]
    ) -> Tensor:
        """See `Denoiser`."""
        output: Tensor = self.network(
            hidden_states=latents,
            timestep=times,
            encoder_hidden_states=tokens,
            pooled_projections=extra["pooled"],
            return_dict=False,
        )[0]
        return output


@dataclass(kw_only=True, eq=False)
class LatentDiffusion:
    """Image codec, text encoders, denoiser and schedule of one loaded model; see `Backbone`.

    Everything in and out is float32 on `device`; only the denoiser and the text encoders may
    compute in half precision.
    """

    name: str
    image_size: int
    image_multiple: int
    image_channels: int
    schedule: Schedule
    device: torch.device
    card: dict[str, Any]
    vae: Any
    text: TextEncoders
    denoiser: Denoiser
    dtype: torch.dtype

    def __post_init__(self) -> None:
        self._scale = float(self.vae.config.scaling_factor)
        self._shift = float(getattr(self.vae.config, "shift_factor", None) or 0.0)

    @torch.no_grad()
    def encode(self, images: Float[Tensor, "batch channel height width"]) -> Posterior:
        """Images in [-1, 1] to the posterior over scaled latents."""
        channels, *sides = images.shape[1:]
        if channels != self.image_channels or any(side % self.image_multiple for side in sides):
            raise GeometryMismatchError(
                f"`images` must have {self.image_channels} channels and sides that are multiples "
                f"of {self.image_multiple}, got {tuple(images.shape)}. Resize or convert them."
            )
        posterior = self.vae.encode(images.to(self.device, torch.float32)).latent_dist
        mean = (posterior.mean - self._shift) * self._scale
        return Posterior(mean=mean, std=posterior.std * self._scale)

    @torch.no_grad()
    def decode(
        self, latents: Float[Tensor, "batch latent height width"]
    ) -> Float[Tensor, "batch channel height_px width_px"]:
        """Scaled latents to images, about [-1, 1], not clipped."""
        latents = latents.to(self.device, torch.float32) / self._scale + self._shift
        images: Tensor = self.vae.decode(latents, return_dict=False)[0]
        return images

    @torch.no_grad()
    def embed(self, texts: Sequence[str]) -> TextEmbedding:
        """Texts to what `denoise` takes."""
        if not texts or isinstance(texts, str):
            raise InvalidInputError(
                f"`texts` must be a list of at least one text, got {texts!r}. "
                "The empty text is allowed in it."
            )
        return self.text.embed(texts)

    @torch.no_grad()
    def denoise(
        self,
        latents: Float[Tensor, "batch latent height width"],
        timestep: int,
        embedding: TextEmbedding,
    ) -> Float[Tensor, "batch latent height width"]:
        """The network's raw output at one timestep; an embedding of one text serves the batch."""
        count = len(latents)
        time = float(self.schedule.model_time[timestep])
        return self.denoiser(
            latents.to(self.device, self.dtype),
            torch.full((count,), time, device=self.device),
            self._for_batch(embedding.tokens, count),
            {name: self._for_batch(value, count) for name, value in embedding.extra.items()},
        ).float()

    def _for_batch(self, values: Tensor, count: int) -> Tensor:
        return values.to(self.device, self.dtype).expand(count, *values.shape[1:])
