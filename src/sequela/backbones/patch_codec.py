"""A linear image codec: principal components of small square patches.

On a few thousand images of 128 px it restores more than a small trained autoencoder does, costs a
moment to fit and next to nothing to run; see `docs/models.md`.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from diffusers import ModelMixin
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput, DiagonalGaussianDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from jaxtyping import Float
from torch import Tensor, nn

from sequela.core import InvalidInputError

_SIDE = 4  # pixels
_LOG_VARIANCE = -30.0  # the least that diffusers' posterior knows: this codec draws nothing
_LEAST_SPREAD = 1e-5  # of the first component's: below it is rounding


class PatchCodec(ModelMixin, ConfigMixin):
    """Patches to their first principal components and back.

    A component's variance among the latents is its standard deviation among the images: between
    leaving them as they are, where brightness is all, and equal variances, where fine detail that
    nobody can foretell takes most of a denoiser's loss. It stands where diffusers' AutoencoderKL
    stands: same methods, same entries of its config.

    Args:
        in_channels: Channels of an image.
        latent_channels: How many components are kept.
        block_out_channels: One entry more than the times that the side is halved; as in
            AutoencoderKL, whose readers count it.
        scaling_factor: Brings the latents' mean variance to 1.
    """

    @register_to_config  # type: ignore[untyped-decorator]  # diffusers gives it no type
    def __init__(
        self,
        in_channels: int = 3,
        latent_channels: int = 8,
        block_out_channels: tuple[int, ...] = (8, 8, 8),
        scaling_factor: float = 1.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # diffusers gives it no type
        side = 2 ** (len(block_out_channels) - 1)
        self.components = nn.Conv2d(in_channels, latent_channels, side, side)
        self.patches = nn.ConvTranspose2d(latent_channels, in_channels, side, side, bias=False)
        self.mean = nn.Parameter(torch.zeros(in_channels, side, side))

    def encode(
        self, x: Float[Tensor, "batch channel height width"], return_dict: bool = True
    ) -> AutoencoderKLOutput | tuple[DiagonalGaussianDistribution]:
        """Images in [-1, 1] to a posterior that is as good as a point."""
        mean = self.components(x)
        log_variance = torch.full_like(mean, _LOG_VARIANCE)
        posterior = DiagonalGaussianDistribution(torch.cat([mean, log_variance], dim=1))
        return AutoencoderKLOutput(latent_dist=posterior) if return_dict else (posterior,)

    def decode(
        self,
        z: Float[Tensor, "batch latent height width"],
        return_dict: bool = True,
        generator: torch.Generator | None = None,  # pipelines hand it over; nothing is drawn
    ) -> DecoderOutput | tuple[Tensor]:
        """Latents to images, about [-1, 1], not clipped."""
        rows, columns = z.shape[-2:]
        image = self.patches(z) + self.mean.repeat(1, rows, columns)
        return DecoderOutput(sample=image) if return_dict else (image,)


def fit_patch_codec(
    parts: Iterable[Float[Tensor, "batch channel side side"]],
    *,
    latent_channels: int,
) -> PatchCodec:
    """The codec that loses least, in squared error, of these images.

    Args:
        parts: The images, in [-1, 1], a batch after the other; sides are multiples of 4.
        latent_channels: Components to keep; fewer than a patch of 4 x 4 pixels has numbers.

    Raises:
        InvalidInputError: There is no image, a patch has no more numbers than components are asked
            for, or the images differ in fewer ways.
    """
    total: Tensor | float = 0.0
    products: Tensor | float = 0.0
    count = channels = 0
    for images in parts:
        channels = images.shape[1]
        found = F.pixel_unshuffle(images, _SIDE).permute(0, 2, 3, 1).flatten(0, 2).double()
        total = total + found.sum(0)
        products = products + found.T @ found
        count += len(found)
    if not count:
        raise InvalidInputError("`parts` must hold images, got none. Give some to fit the codec.")
    numbers = channels * _SIDE**2
    if not 0 < latent_channels < numbers:
        raise InvalidInputError(
            f"`latent_channels` must lie between 1 and {numbers - 1}, the numbers of a patch less "
            f"one, got {latent_channels}. Choose fewer."
        )
    mean = torch.as_tensor(total / count)
    values, vectors = torch.linalg.eigh(products / count - torch.outer(mean, mean))
    spread = values.flip(0)[:latent_channels].clamp(min=0).sqrt()
    if spread.min() <= _LEAST_SPREAD * spread.max():
        raise InvalidInputError(
            f"`latent_channels` must be at most the ways in which the images' patches differ, "
            f"got {latent_channels}. Choose fewer, or give more images."
        )
    return _codec(mean, vectors.flip(1)[:, :latent_channels], spread, channels)


def _codec(mean: Tensor, vectors: Tensor, spread: Tensor, channels: int) -> PatchCodec:
    largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
    vectors = vectors * largest.sign()  # which way a component points is a library's whim
    count, patch = len(spread), _SIDE
    levels = patch.bit_length()  # one more than the halvings
    scale = float(spread.mean().rsqrt())
    codec: PatchCodec = PatchCodec(channels, count, (count,) * levels, scaling_factor=scale)
    to_latents, to_patches = vectors / spread.sqrt(), vectors * spread.sqrt()
    weights = {
        "components.weight": to_latents.T.reshape(count, channels, patch, patch),
        "components.bias": -(mean @ to_latents),
        "patches.weight": to_patches.T.reshape(count, channels, patch, patch),
        "mean": mean.reshape(channels, patch, patch),
    }
    codec.load_state_dict({name: value.float() for name, value in weights.items()})
    codec.eval().requires_grad_(False)
    return codec
