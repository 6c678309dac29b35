"""The autoencoder objective: images to small latents and back, edges kept.

Source: Rombach et al., arXiv:2112.10752, section 3.1. Departs from it: squared, absolute and
gradient errors stand in for the perceptual and adversarial terms, whose networks would need foreign
weights.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from sequela.backbones.build import build_autoencoder
from sequela.checkpoints import save_autoencoder
from sequela.imaging import channels_last
from sequela.render import contact_sheet
from sequela.training.data import ImageSet, vary
from sequela.training.image_settings import AutoencoderNetwork
from sequela.training.recipe import DataSettings, Recipe


class AutoencoderLoss(nn.Module):
    """The network with its loss, so that one forward pass can be spread over processes."""

    def __init__(self, settings: AutoencoderNetwork, data: DataSettings) -> None:
        super().__init__()
        self.settings = settings
        self.autoencoder = build_autoencoder(
            widths=settings.widths,
            latent_channels=settings.latent_channels,
            layers_per_level=settings.layers_per_level,
            channels=data.channels,
            image_size=data.image_size,
        )

    def forward(
        self,
        images: Float[Tensor, "batch channel side side"],
        noise: Float[Tensor, "batch latent small small"],
    ) -> dict[str, Tensor]:
        """Reconstruction, edge and KL terms."""
        posterior = self.autoencoder.encode(images).latent_dist
        restored = self.autoencoder.decode(posterior.mean + posterior.std * noise).sample
        error = restored - images
        reconstruction = error.abs().mean() + error.square().mean()
        edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
        divergence = posterior.kl().mean()
        loss = (
            reconstruction
            + self.settings.gradient_weight * edges
            + self.settings.kl_weight * divergence
        )
        return {
            "loss": loss,
            "reconstruction": reconstruction.detach(),
            "edges": edges.detach(),
            "divergence": divergence.detach(),
        }


class AutoencoderObjective:
    """Trains the image codec of a latent diffusion model."""

    def __init__(self, recipe: Recipe, train: ImageSet, held_out: ImageSet) -> None:
        if not isinstance(recipe.network, AutoencoderNetwork):
            raise TypeError("an autoencoder objective needs an autoencoder network section")
        self.recipe = recipe
        self.settings = recipe.network
        self.train = train
        self.held_out = held_out
        self.networks = AutoencoderLoss(recipe.network, recipe.data)

    def batch(self, size: int, generator: torch.Generator, step: int) -> tuple[Tensor, Tensor]:
        """Varied crops of random images, and the posterior's noise."""
        chosen = self.train.draw(size, generator, step=step, settings=self.recipe.data)
        images = vary(self.train.images[chosen], self.recipe.data, generator)
        crop = min(self.settings.crop, images.shape[-1])
        free = images.shape[-1] - crop + 1
        top, left = torch.randint(free, (2,), generator=generator).tolist()
        images = images[..., top : top + crop, left : left + crop]
        small = crop // 2 ** (len(self.settings.widths) - 1)
        shape = (size, self.settings.latent_channels, small, small)
        return images, torch.randn(shape, generator=generator)

    @torch.no_grad()
    def evaluate(self, averaged: Any, step: int, folder: Path) -> dict[str, float]:
        """Peak signal-to-noise ratio in dB on held-out images, and a sheet of pairs."""
        device = next(averaged.parameters()).device
        pairs, errors = [], []
        for image in self.held_out.parts(16):
            posterior = averaged.autoencoder.encode(image.to(device)).latent_dist
            restored = averaged.autoencoder.decode(posterior.mean).sample.clamp(-1, 1).cpu()
            errors.append((restored - image).square().mean(dim=(1, 2, 3)))
            pairs.append((image, restored))
        decibels = 10 * torch.log10(4 / torch.cat(errors))  # the range [-1, 1] spans 2
        folder.mkdir(parents=True, exist_ok=True)
        shown = list(zip(*pairs[0], strict=True))[:6]
        sheet = [image for pair in shown for image in pair]
        contact_sheet(
            [_viewable(x) for x in sheet],
            ["real", "restored"] * len(shown),
            folder / f"{step:06d}.png",
            columns=6,
        )
        return {"psnr_db": float(decibels.mean()), "psnr_db_worst": float(decibels.min())}

    @torch.no_grad()
    def export(self, averaged: Any, folder: Path) -> None:
        """Write the codec in diffusers layout, with the scale that gives latents unit variance."""
        device = next(averaged.parameters()).device
        latents = [
            averaged.autoencoder.encode(image.to(device)).latent_dist.mean
            for image in self.train.parts(16)
        ]
        scale = 1 / float(torch.cat(latents).std())
        save_autoencoder(averaged.autoencoder, folder, scaling_factor=scale)


def _viewable(image: Float[Tensor, "channel height width"]) -> np.ndarray:
    shown = np.asarray(((image + 1) * 127.5).clamp(0, 255).byte())
    return channels_last(shown)
