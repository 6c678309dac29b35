"""The fine-tuning objective: a pretrained Stable Diffusion learns the images of a domain.

Only the denoiser learns, all of its weights or low-rank changes of its attention (LoRA). It is told
the same noise levels, and asked for the same prediction, as when it was trained before.

Source: Liang et al., "PIE", arXiv:2309.11745, appendix on fine-tuning; Hu et al., "LoRA",
arXiv:2106.09685. Departs from PIE's code, which advanced the learning rate once per process.
"""

import importlib
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors.torch import save_file
from torch import Tensor, nn

from sequela.backbones import load_backbone
from sequela.backbones.latent_diffusion import LatentDiffusion, TransformerDenoiser
from sequela.backbones.text import Encoder
from sequela.conditioning import vocabulary_of
from sequela.core import InvalidInputError, MissingExtraError
from sequela.training.data import ImageSet, step_generator, vary
from sequela.training.objectives.samples import sample, shown_names, write_sheet
from sequela.training.recipe import FineTunedNetwork, Recipe

LORA_FILE = "pytorch_lora_weights.safetensors"
_ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")  # what diffusers calls an attention's layers
_HELD_OUT = 64  # images that the held-out loss is taken of


class FineTuningLoss(nn.Module):
    """The whole model with its loss; codec and text encoders are frozen parts of it."""

    def __init__(self, backbone: LatentDiffusion, *, in_half: bool) -> None:
        super().__init__()
        self.backbone = backbone
        self.in_half = in_half
        self.denoiser: nn.Module = backbone.denoiser.network  # type: ignore[attr-defined]  # all have it
        self.codec: nn.Module = backbone.vae
        readers = [part for part in vars(backbone.text).values() if isinstance(part, Encoder)]
        self.readers = nn.ModuleList([reader.network for reader in readers])

    def forward(
        self,
        images: Float[Tensor, "batch channel side side"],
        draws: Float[Tensor, "2 batch latent small small"],
        timesteps: Int[Tensor, " batch"],
        captions: list[str],
    ) -> dict[str, Tensor]:
        """Squared error of what the model predicts; `draws` are the codec's and the noise."""
        # the codec of Stable Diffusion XL overflows in half precision
        exact = torch.autocast(images.device.type, enabled=False)
        with exact if self.in_half else nullcontext():
            posterior = self.backbone.encode(images)
        latents = posterior.mean + posterior.std * draws[0]
        words = self.backbone.embed(captions)
        schedule, shape = self.backbone.schedule, (-1, 1, 1, 1)
        alpha = schedule.alpha.to(latents)[timesteps].view(shape)
        sigma = schedule.sigma.to(latents)[timesteps].view(shape)
        times = schedule.model_time.to(latents)[timesteps]
        noisy = alpha * latents + sigma * draws[1]
        predicted = self.backbone.denoiser(noisy, times, words.tokens, words.extra).float()
        wanted = {
            "epsilon": draws[1],
            "v_prediction": alpha * draws[1] - sigma * latents,
            "sample": latents,
            "flow": draws[1] - latents,
        }[schedule.prediction]
        return {"loss": (predicted - wanted).square().mean()}


class FineTuningObjective:
    """Fine-tunes a model of the Stable Diffusion family on images with findings."""

    def __init__(
        self, recipe: Recipe, train: ImageSet, held_out: ImageSet, device: torch.device
    ) -> None:
        if not isinstance(recipe.network, FineTunedNetwork):
            raise TypeError("a fine-tuning objective needs a fine-tuned network section")
        self.recipe, self.settings = recipe, recipe.network
        self.train, self.held_out = train, held_out
        self.vocabulary = vocabulary_of(recipe.data.domain)
        self.networks, self.latent_shape = open_model(recipe, device)

    @property
    def component(self) -> str:
        """What the denoiser's folder is called in a model."""
        return component_of(self.networks.backbone)

    def batch(self, size: int, generator: torch.Generator, step: int) -> tuple[Any, ...]:
        """Random images, what the codec and the noise draw, timesteps and captions."""
        chosen = self.train.draw(size, generator, step=step, settings=self.recipe.data)
        images = vary(self.train.images[chosen], self.recipe.data, generator)
        draws, timesteps = self._noise(size, generator)
        dropped = torch.rand(size, generator=generator) < self.settings.caption_dropout
        captions = [
            "" if drop else self.caption(self.train.findings[i])
            for i, drop in zip(chosen.tolist(), dropped.tolist(), strict=True)
        ]
        return images, draws, timesteps, captions

    def caption(self, findings: tuple[str, ...] | None) -> str:
        """The published training text; an image of which nothing is known is only named.

        The published loader calls a film whose every label is uncertain what it calls a healthy
        one; here the comma after the instance prompt, which stands for no finding, is missing.
        """
        if findings is None:
            return self.vocabulary.instance_prompt
        return self.vocabulary.caption(findings)

    @torch.no_grad()
    def evaluate(self, averaged: Any, step: int, folder: Path) -> dict[str, float]:
        """The loss on held-out images at fixed noise, and a sheet of samples."""
        generator = step_generator(self.recipe.seed, 1)
        device = averaged.backbone.device
        stride = -(-len(self.held_out) // _HELD_OUT)
        losses = []
        for part in torch.arange(0, len(self.held_out), stride).split(4):
            draws, timesteps = self._noise(len(part), generator)
            captions = [self.caption(self.held_out.findings[i]) for i in part.tolist()]
            tensors = (x.to(device) for x in (self.held_out.images[part], draws, timesteps))
            losses += [float(averaged(*tensors, captions)["loss"])] * len(part)
        self._sample_sheet(averaged.backbone, folder / f"{step:06d}.png")
        return {"held_out_loss": float(np.mean(losses))}

    @torch.no_grad()
    def export(self, averaged: Any, folder: Path) -> None:
        """Write what `sequela simulate --unet` takes: the denoiser in its folder, or a LoRA."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.settings.lora_rank:
            from peft import get_peft_model_state_dict

            changes = get_peft_model_state_dict(averaged.denoiser)
            tensors = {f"{self.component}.{k}": v.contiguous().cpu() for k, v in changes.items()}
            save_file(tensors, folder / LORA_FILE, metadata={"format": "pt"})
        else:
            averaged.denoiser.save_pretrained(folder / self.component, safe_serialization=True)
        (folder / "card.json").write_text(json.dumps(self._card(), indent=2) + "\n")

    def _noise(self, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        draws = torch.randn((2, size, *self.latent_shape), generator=generator)
        count = len(self.networks.backbone.schedule)
        return draws, torch.randint(count, (size,), generator=generator)

    def _sample_sheet(self, backbone: LatentDiffusion, path: Path) -> None:
        names = shown_names(self.train, self.vocabulary)
        found = [() if name == self.vocabulary.reference else (name,) for name in names]
        words = backbone.embed([self.caption(f) for f in found])
        nothing = backbone.embed([""])
        noisy = torch.randn(
            (len(names), *self.latent_shape), generator=step_generator(self.recipe.seed, 3)
        )

        def predict(latents: Tensor, timestep: int) -> tuple[Tensor, Tensor]:
            plain = backbone.denoise(latents, timestep, nothing)
            return plain, backbone.denoise(latents, timestep, words)

        latents = sample(backbone.schedule, noisy.to(backbone.device), predict)
        write_sheet(backbone.decode(latents), names, path)

    def _card(self) -> dict[str, Any]:
        data = self.recipe.data
        return {
            "name": self.recipe.name,
            "domain": self.vocabulary.domain,
            "fine_tuned_from": self.networks.backbone.card,
            "lora_rank": self.settings.lora_rank or None,
            "inputs": {
                "image_size": data.image_size,
                "framing": data.framing,
                "prompt_form": self.vocabulary.prompt(["Finding", "Finding"]),
            },
            "data": {
                "sets": list(data.sets),
                "training_images": len(self.train),
                "held_out_images": len(self.held_out),
            },
            "steps": self.recipe.optimiser.steps,
            **self.recipe.card,
        }


def open_model(recipe: Recipe, device: torch.device) -> tuple[FineTuningLoss, tuple[int, int, int]]:
    """A recipe's model, ready to learn, and the shape of the latents of one of its images."""
    settings, data = recipe.network, recipe.data
    assert isinstance(settings, FineTunedNetwork)  # noqa: S101  # the caller has chosen by it
    backbone = load_backbone(settings.model, device=str(device), dtype="float32")
    assert isinstance(backbone, LatentDiffusion)  # noqa: S101  # the only kind there is
    if data.channels != backbone.image_channels or data.image_size % backbone.image_multiple:
        raise InvalidInputError(
            f"`data` must have channels = {backbone.image_channels} and an image_size that is a "
            f"multiple of {backbone.image_multiple} for {backbone.name}, got {data.channels} and "
            f"{data.image_size}. Change the recipe."
        )
    network = backbone.denoiser.network  # type: ignore[attr-defined]  # all have it
    if settings.gradient_checkpointing:
        network.enable_gradient_checkpointing()
        network.train()  # or it is passed over; no model of the family has dropout in use
    if settings.lora_rank:
        add_lora(network, settings.lora_rank, recipe.seed)
    else:
        network.requires_grad_(True)
    in_half = recipe.optimiser.mixed_precision == "fp16"
    pixels = 2 ** (len(backbone.vae.config.block_out_channels) - 1)
    side = data.image_size // pixels
    latent = int(backbone.vae.config.latent_channels)
    return FineTuningLoss(backbone, in_half=in_half), (latent, side, side)


def component_of(backbone: LatentDiffusion) -> str:
    """What the denoiser's folder is called in a model."""
    return "transformer" if isinstance(backbone.denoiser, TransformerDenoiser) else "unet"


def add_lora(network: Any, rank: int, seed: int) -> None:
    """Add low-rank changes, at first none, to all attention of a denoiser; they alone can learn."""
    try:
        peft = importlib.import_module("peft")
    except ImportError as error:
        raise MissingExtraError(
            "`lora_rank` needs peft, which is not installed. "
            'Install the extra: pip install "sequela[lora]".'
        ) from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # inside the fork: the caller's state is left alone
        # alpha = rank: the changes count as they are, which is what loaders assume
        network.add_adapter(
            peft.LoraConfig(r=rank, lora_alpha=rank, target_modules=list(_ATTENTION))
        )
