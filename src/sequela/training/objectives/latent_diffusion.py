"""The latent diffusion objective: text-conditioned denoising of an autoencoder's latents.

Source: Rombach et al., arXiv:2112.10752, section 3.2, with the v prediction of Salimans and Ho,
arXiv:2202.00512, and the Min-SNR weight of Hang et al., arXiv:2303.09556 (both shorten training).
"""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sequela.backbones.build import build_text_encoder, build_tokenizer, build_unet
from sequela.backbones.weights import load_component
from sequela.checkpoints import save_pipeline
from sequela.conditioning import vocabulary_of
from sequela.core import CheckpointError, OutputExistsError, hash_bytes
from sequela.diffusion import scaled_linear_schedule
from sequela.io import atomic_folder
from sequela.nn.lesion_filters import bright_places
from sequela.training.data import ImageSet, step_generator, vary
from sequela.training.exudates import with_exudates
from sequela.training.image_settings import DiffusionNetwork
from sequela.training.objectives.samples import sample, shown_names, write_sheet
from sequela.training.recipe import Recipe

_AT_ONCE = 4096  # images


class DenoisingLoss(nn.Module):
    """UNet and text encoder with their loss, so that one pass can be spread over processes."""

    def __init__(self, unet: nn.Module, text_encoder: nn.Module, snr_cap: float) -> None:
        super().__init__()
        self.unet = unet
        self.text_encoder = text_encoder
        self.schedule = scaled_linear_schedule(prediction="v_prediction")
        self.snr_cap = snr_cap

    def forward(
        self,
        latents: Float[Tensor, "batch latent side side"],
        noise: Float[Tensor, "batch latent side side"],
        timesteps: Int[Tensor, " batch"],
        tokens: Int[Tensor, "batch length"],
        attention: Float[Tensor, "batch 1 side side"] | None = None,
    ) -> dict[str, Tensor]:
        """Weighted squared error of the velocity; `error` is the plain one.

        `attention` is how much an error counts at each place of the latents.
        """
        alpha = self.schedule.alpha.to(latents)[timesteps].view(-1, 1, 1, 1)
        sigma = self.schedule.sigma.to(latents)[timesteps].view(-1, 1, 1, 1)
        noisy = alpha * latents + sigma * noise
        words = self.text_encoder(tokens).last_hidden_state
        predicted = self.unet(noisy, timesteps, words).sample
        velocity = alpha * noise - sigma * latents
        errors = (predicted - velocity).square()
        error = errors.mean(dim=(1, 2, 3))
        counted = error if attention is None else (attention * errors).mean(dim=(1, 2, 3))
        snr = (alpha / sigma).square().view(-1)
        # for a v prediction the weight of x0-space Min-SNR becomes min(snr, cap) / (snr + 1)
        weight = snr.clamp(max=self.snr_cap) / (snr + 1)
        return {"loss": (weight * counted).mean(), "error": error.mean().detach()}


class LatentDiffusionObjective:
    """Trains a small text-to-image diffusion model on the latents of a frozen autoencoder."""

    def __init__(self, recipe: Recipe, train: ImageSet, held_out: ImageSet, out: Path) -> None:
        if not isinstance(recipe.network, DiffusionNetwork):
            raise TypeError("a latent-diffusion objective needs a diffusion network section")
        settings = self.settings = recipe.network
        self.recipe = recipe
        if recipe.data.tells_exudates:
            train, held_out = with_exudates(train, held_out, recipe.data)
        self.train, self.held_out = train, held_out
        self.vocabulary = vocabulary_of(recipe.data.domain)
        self.autoencoder = self._codec(out)
        self.tokenizer = build_tokenizer(
            [*self.vocabulary.words, *recipe.data.caption_views], length=settings.text_length
        )
        self.latents = self._cached_latents(out / "latents.safetensors")
        latent_channels, side = self.latents.shape[-3], self.latents.shape[-1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)  # inside the fork: the caller's state is left alone
            self.networks = DenoisingLoss(
                build_unet(
                    widths=settings.widths,
                    layers_per_level=settings.layers_per_level,
                    heads=settings.heads,
                    latent_channels=latent_channels,
                    latent_size=side,
                    text_width=settings.text_width,
                ),
                build_text_encoder(
                    tokenizer=self.tokenizer,
                    width=settings.text_width,
                    layers=settings.text_layers,
                    length=settings.text_length,
                ),
                settings.snr_cap,
            )

    def batch(self, size: int, generator: torch.Generator, step: int) -> tuple[Tensor, ...]:
        """Latents of random varied images, their noise, timesteps and captions."""
        image = self.train.draw(size, generator, step=step, settings=self.recipe.data)
        variant = torch.randint(len(self.latents), (size,), generator=generator)
        latents = self.latents[variant, image]
        noise = torch.randn(latents.shape, generator=generator)
        timesteps = torch.randint(len(self.networks.schedule), (size,), generator=generator)
        captions = [self.caption(self.train, i, generator) for i in image.tolist()]
        given = (latents, noise, timesteps, self.tokenise(captions))
        return (*given, self._attention(latents)) if self.settings.spot_weight else given

    @torch.no_grad()
    def _attention(self, latents: Tensor) -> Float[Tensor, "batch 1 side side"]:
        """1, and more where the retina shows a bright spot or borders on one."""
        images = self.autoencoder.decode(latents / self.autoencoder.config.scaling_factor).sample
        images = images.clamp(-1, 1)  # the retina is told from what is darkest
        patch = images.shape[-1] // latents.shape[-1]
        places = F.max_pool2d(bright_places(images), patch)
        return 1 + self.settings.spot_weight * F.max_pool2d(places, 3, 1, 1)

    def caption(self, images: ImageSet, index: int, generator: torch.Generator) -> str:
        """The training text of an image: dropped, partial or whole, in the published form."""
        findings, view = images.findings[index], images.views[index]
        dropped, partial, spelled = torch.rand(3, generator=generator).tolist()
        if findings is None or dropped < self.settings.caption_dropout:
            return ""
        if not findings:
            # both ways of saying that there is nothing: silence, as published, and words
            findings = (self.vocabulary.reference,) if spelled < 0.5 else ()
        elif partial < self.settings.caption_subset:
            count = int(torch.randint(1, len(findings) + 1, (1,), generator=generator))
            order = torch.randperm(len(findings), generator=generator).tolist()
            findings = tuple(findings[i] for i in order[:count])
        caption = self.vocabulary.prompt(findings)
        return f"{caption},{view}" if view in self.recipe.data.caption_views else caption

    def tokenise(self, captions: list[str]) -> Int[Tensor, "batch length"]:
        """Captions padded to the text encoder's length."""
        padded = self.tokenizer(
            captions,
            padding="max_length",
            truncation=True,
            max_length=self.settings.text_length,
            return_tensors="pt",
        )
        return torch.as_tensor(padded.input_ids)

    @torch.no_grad()
    def evaluate(self, averaged: Any, step: int, folder: Path) -> dict[str, float]:
        """Weighted and plain error on held-out images at fixed noise, and a sheet of samples.

        Errors at bright spots count no more here, so `held_out_loss` compares between recipes.
        """
        device = next(averaged.parameters()).device
        generator = step_generator(self.recipe.seed, 1)
        totals: dict[str, list[float]] = {"loss": [], "error": []}
        captions = [self.caption(self.held_out, i, generator) for i in range(len(self.held_out))]
        for i, image in enumerate(self.held_out.parts(16)):
            latents = self._encode(image)
            noise = torch.randn(latents.shape, generator=generator)
            timesteps = torch.randint(1000, (len(latents),), generator=generator)
            tokens = self.tokenise(captions[16 * i : 16 * i + len(latents)])
            losses = averaged(*(x.to(device) for x in (latents, noise, timesteps, tokens)))
            for name, value in losses.items():
                totals[name].append(float(value))
        self._sample_sheet(averaged, folder / f"{step:06d}.png")
        return {f"held_out_{name}": float(np.mean(values)) for name, values in totals.items()}

    def export(self, averaged: Any, folder: Path) -> None:
        """Write the whole pipeline in diffusers layout."""
        from diffusers import DDIMScheduler

        scheduler = DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            prediction_type="v_prediction",
            steps_offset=1,
            set_alpha_to_one=False,
            clip_sample=False,
        )
        parts = {
            "vae": self.autoencoder,
            "unet": averaged.unet,
            "text_encoder": averaged.text_encoder,
        }
        save_pipeline(
            folder, parts=parts, scheduler=scheduler, tokenizer=self.tokenizer, card=self._card()
        )

    def _codec(self, out: Path) -> Any:
        """Trained before, or fitted here once: fitted on another machine it may differ."""
        if not self.settings.patch_components:
            return load_autoencoder((out.parent / self.settings.autoencoder).resolve())
        from sequela.backbones.patch_codec import PatchCodec, fit_patch_codec

        fitted = out / "codec"
        if not fitted.is_dir():
            images = self.train.parts(_AT_ONCE)
            codec = fit_patch_codec(images, latent_channels=self.settings.patch_components)
            # another process of this training may be first, with the same codec
            with suppress(OutputExistsError), atomic_folder(fitted) as folder:
                codec.save_pretrained(folder, safe_serialization=True)
        return load_component(PatchCodec, fitted, torch.float32)

    def _card(self) -> dict[str, Any]:
        return {
            "name": self.recipe.name,
            "domain": self.vocabulary.domain,
            "inputs": {
                "image_size": self.recipe.data.image_size,
                "channels": self.recipe.data.channels,
                "range": [-1, 1],
                "prompt_form": self.vocabulary.prompt(["Finding", "Finding"]),
                "findings": list(self.vocabulary.names),
            },
            "data": {
                "sets": list(self.recipe.data.sets),
                "training_images": len(self.train),
                "held_out_images": len(self.held_out),
            },
            "steps": self.recipe.optimiser.steps,
            **self.recipe.card,
        }

    def _cached_latents(self, cache: Path) -> Float[Tensor, "variant image latent side side"]:
        """Encoded once and kept beside the checkpoint, while images and codec stay the same."""
        varied = replace(self.recipe.data, balance_views_from=None)  # how often, not how
        key = hash_bytes(
            b"".join(images.numpy().tobytes() for images in self.train.parts(_AT_ONCE))
            + repr((varied, self.settings.variants, self.recipe.seed)).encode()
            + b"".join(p.detach().numpy().tobytes() for p in self.autoencoder.parameters())
        )
        if cache.exists():
            stored = load_file(cache)
            if key in stored:
                return stored[key]
        latents = self._encode_variants()
        cache.parent.mkdir(parents=True, exist_ok=True)
        save_file({key: latents}, cache)
        return latents

    def _encode_variants(self) -> Float[Tensor, "variant image latent side side"]:
        variants = []
        for index in range(self.settings.variants):
            generator = step_generator(self.recipe.seed, 2, index)
            # in random order: tables list the ill together, and parts swap their exposures
            order = torch.randperm(len(self.train), generator=generator)
            as_it_is = index == 0 and not self.recipe.data.swap_exposure
            parts = (self.train.images[chosen] for chosen in order.split(_AT_ONCE))
            shown = parts if as_it_is else (vary(x, self.recipe.data, generator) for x in parts)
            encoded = torch.cat([self._encode(images) for images in shown])
            variants.append(encoded[order.argsort()])
        return torch.stack(variants)

    @torch.no_grad()
    def _encode(self, images: Float[Tensor, "b channel s s"]) -> Float[Tensor, "b latent l l"]:
        means = [self.autoencoder.encode(x).latent_dist.mean for x in images.split(16)]
        return torch.cat(means) * float(self.autoencoder.config.scaling_factor)

    def _sample_sheet(self, averaged: Any, path: Path) -> None:
        device = next(averaged.parameters()).device
        names = shown_names(self.train, self.vocabulary)
        captions = [self.vocabulary.prompt([name]) for name in names] * 2
        words = averaged.text_encoder(self.tokenise(captions).to(device)).last_hidden_state
        nothing = averaged.text_encoder(self.tokenise([""]).to(device)).last_hidden_state
        shape = (len(captions), *self.latents.shape[2:])
        noisy = torch.randn(shape, generator=step_generator(self.recipe.seed, 3)).to(device)

        def predict(latents: Tensor, timestep: int) -> tuple[Tensor, Tensor]:
            time = torch.full((len(latents),), timestep, device=device)
            plain = averaged.unet(latents, time, nothing.expand(len(latents), -1, -1)).sample
            return plain, averaged.unet(latents, time, words).sample

        latents = sample(averaged.schedule, noisy, predict).cpu()
        scale = self.autoencoder.config.scaling_factor
        write_sheet(self.autoencoder.decode(latents / scale).sample, names, path)


def load_autoencoder(folder: Path) -> Any:
    """The frozen codec that an autoencoder training exported."""
    from diffusers import AutoencoderKL

    model = folder / "model"
    if not (model / "config.json").is_file():
        raise CheckpointError(
            f"`autoencoder` must name a finished autoencoder training, but {model} holds none. "
            "Run its recipe first, with --out beside this one's."
        )
    return AutoencoderKL.from_pretrained(model, use_safetensors=True).eval().requires_grad_(False)
