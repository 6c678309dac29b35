"""What a recipe says about an image codec and a diffusion model that are trained from scratch."""

from dataclasses import dataclass

from sequela.core import InvalidInputError
from sequela.core.checks import check_count, check_finite, check_share


@dataclass(frozen=True, kw_only=True)
class AutoencoderNetwork:
    """A KL autoencoder (diffusers' AutoencoderKL) and the weights of its loss terms."""

    widths: tuple[int, ...] = (24, 48, 96)  # one a level; each level but the last halves the side
    latent_channels: int = 4
    layers_per_level: int = 1
    crop: int = 64  # training crops in pixels; the network is convolutional
    kl_weight: float = 1e-6
    gradient_weight: float = 1.0  # keeps edges: L1 between spatial differences


@dataclass(frozen=True, kw_only=True)
class DiffusionNetwork:
    """A text-conditioned UNet with its own small text encoder, on frozen latents."""

    autoencoder: str = "autoencoder"  # folder beside the output, or a path
    patch_components: int = 0  # of a linear codec of 4 px patches in its place; 0: none
    widths: tuple[int, ...] = (64, 96, 128)
    layers_per_level: int = 1
    heads: int = 4
    text_width: int = 128
    text_layers: int = 2
    text_length: int = 64  # tokens
    caption_dropout: float = 0.1
    caption_subset: float = 0.5  # share of captions that name only some of an image's findings
    variants: int = 8  # varied copies of each image that are encoded once
    snr_cap: float = 5.0  # Min-SNR weight, Hang et al., arXiv:2303.09556
    spot_weight: float = 0.0  # of an error at a bright spot of a retina, added to 1

    def __post_init__(self) -> None:
        for name in ("caption_dropout", "caption_subset"):
            check_share(name, getattr(self, name))
        check_count("variants", self.variants)
        check_count("patch_components", self.patch_components, minimum=0)
        check_finite("spot_weight", self.spot_weight, minimum=0)
        if self.patch_components and self.autoencoder != DiffusionNetwork.autoencoder:
            raise InvalidInputError(
                "`patch_components` stands in place of `autoencoder`, got both. Leave one out."
            )
