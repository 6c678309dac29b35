"""Stage 1: a 3-D VQ-GAN; a CT becomes a grid of code indices and back.

Source: Zhao et al., "4D-VQ-GAN", arXiv:2502.05713, section 2.1.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from sequela.core import InvalidInputError
from sequela.nn.codebook import Codebook, Quantised
from sequela.nn.volumes import SameConv, VolumeDecoder, VolumeEncoder
from sequela.simulators.lungs.config import CodecConfig

Volume = Float[Tensor, "batch 1 depth height width"]
Latent = Float[Tensor, "batch channel d h w"]


class VolumeCodec(nn.Module):
    """Encoder, codebook and decoder of volumes in [-1, 1]."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        deep = config.width * config.factor
        self.encoder = VolumeEncoder(width=config.width, levels=config.levels, norm=config.norm)
        self.before = SameConv(deep, config.latent_channels, 1)
        self.codebook = Codebook(
            config.codes,
            config.latent_channels,
            decay=config.codebook_decay,
            restart_below=config.restart_below,
        )
        self.after = SameConv(config.latent_channels, deep, 1)
        self.decoder = VolumeDecoder(
            width=config.width,
            levels=config.levels,
            blocks=config.decoder_blocks,
            norm=config.norm,
        )

    def checkpointed(self, *, is_on: bool = True) -> "VolumeCodec":
        """Trade time for memory: compute each stage again for its gradient."""
        for part in (self.encoder, self.decoder):
            part.checkpointed(is_on=is_on)
        return self

    def forward(
        self, volumes: Volume, is_bypassed: Bool[Tensor, " batch"] | None = None
    ) -> tuple[Volume, Quantised]:
        """The reconstruction, and the codes it was made from.

        Args:
            volumes: In [-1, 1].
            is_bypassed: Which volumes are decoded from what lies before the codebook; none do by
                default. A decoder that learns from both serves forecasts that are not quantised.
        """
        latents = self.encode(volumes)
        quantised = self.codebook(latents)
        chosen = quantised.latents
        if is_bypassed is not None:
            chosen = torch.where(is_bypassed.view(-1, 1, 1, 1, 1), latents, chosen)
        return self.decode(chosen), quantised

    def encode(self, volumes: Volume) -> Latent:
        """What the codebook is asked to match.

        Raises:
            InvalidInputError: A side is no multiple of the codec's factor.
        """
        factor = self.config.factor
        if any(side % factor for side in volumes.shape[2:]):
            raise InvalidInputError(
                f"`volumes` must have sides that are multiples of {factor}, got "
                f"{tuple(volumes.shape[2:])}. Pad or resample them first."
            )
        return torch.as_tensor(self.before(self.encoder(volumes)))

    def decode(self, latents: Latent) -> Volume:
        """The volume of codes, or of anything near them."""
        return torch.as_tensor(self.decoder(self.after(latents)))

    def codes_of(self, volumes: Volume) -> Int[Tensor, "batch d h w"]:
        """The code indices of volumes."""
        return self.codebook.indices(self.encode(volumes))

    def to_model(self, volume_hu: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """HU to [-1, 1], clipped by the window."""
        config = self.config
        share = (volume_hu - config.low_hu) / (config.high_hu - config.low_hu)
        return 2 * share.clamp(0, 1) - 1

    def to_hu(self, volume: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """[-1, 1] to HU."""
        config = self.config
        return config.low_hu + (volume + 1) / 2 * (config.high_hu - config.low_hu)
