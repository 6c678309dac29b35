"""The door: from a model folder or hub id to a backbone that drives the editor."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sequela.backbones.card import card_of
from sequela.backbones.devices import pick_device, pick_dtype
from sequela.backbones.finetuned import finetuned_files, is_lora, load_finetuned, merge_lora
from sequela.backbones.folder import ModelFolder, find_model, read_json
from sequela.backbones.latent_diffusion import (
    Denoiser,
    LatentDiffusion,
    TransformerDenoiser,
    UnetDenoiser,
    UnetXlDenoiser,
)
from sequela.backbones.schedules import schedule_from_config
from sequela.backbones.text import DoubleClip, Encoder, SingleClip, TextEncoders, TripleText
from sequela.backbones.weights import codec_class, load_component, weight_files
from sequela.core.errors import CheckpointError
from sequela.diffusion import Backbone


def load_backbone(
    model: str | Path,
    *,
    unet: str | Path | None = None,
    device: str = "auto",
    dtype: str = "auto",
) -> Backbone:
    """A Stable Diffusion 1.x, 2.x, XL or 3 model, ready to edit.

    Weights are read from safetensors only and every tensor must fit.

    Args:
        model: Folder in diffusers layout, or a hub id such as owner/name.
        unet: Fine-tuned weights for the denoiser: a folder with the network, itself or under
            `unet` (or under `text_encoder`, where training on several GPUs put it), or a LoRA.
        device: `auto`, `cpu`, `cuda` or `cuda:1`.
        dtype: Precision of denoiser and text encoders: `auto`, `float32`, `float16`, `bfloat16`.
            The image codec always computes in float32.

    Raises:
        UnknownNameError: no such folder or hub id.
        CheckpointError: not a model, pickled weights, or tensors that do not fit.
        MissingExtraError: `unet` is a LoRA and peft is not installed.
    """
    folder = find_model(model)
    chosen = _Chosen(folder, Path(unet).expanduser() if unet is not None else None, device, dtype)
    return chosen.backbone()


@dataclass
class _Chosen:
    """What to load, where to; loads one component after the other."""

    folder: ModelFolder
    unet: Path | None
    device_name: str
    dtype_name: str

    def __post_init__(self) -> None:
        from diffusers import SD3Transformer2DModel, UNet2DConditionModel

        flow = self.folder.family == "stable-diffusion-3"
        self.component = "transformer" if flow else "unet"
        self.network_class: Any = SD3Transformer2DModel if flow else UNet2DConditionModel
        self.device = pick_device(self.device_name)
        self.changes = (
            []
            if self.unet is None
            else finetuned_files(self.unet, self.network_class, self.component)
        )
        stored = self.folder.path / self.component
        if self.changes and not is_lora(self.changes):
            stored = self.changes[0].parent
        self.dtype = pick_dtype(self.dtype_name, self.device, stored)
        self.used = list(self.changes)

    def backbone(self) -> LatentDiffusion:
        vae = self._component(codec_class(self.folder.path / "vae"), "vae", torch.float32)
        network = self._network()
        text = self._text(network)
        pixels = 2 ** (len(vae.config.block_out_channels) - 1)
        _check_channels(network, vae)
        scheduler = read_json(self.folder.path / "scheduler" / "scheduler_config.json")
        return LatentDiffusion(
            name=self.folder.name,
            image_size=_side(network.config.sample_size) * pixels,
            image_multiple=pixels * int(getattr(network.config, "patch_size", None) or 1),
            image_channels=int(vae.config.in_channels),
            schedule=schedule_from_config(scheduler),
            device=self.device,
            card=card_of(self.folder, self.used),
            vae=vae,
            text=text,
            denoiser=self._denoiser(network, pixels),
            dtype=self.dtype,
        )

    def _component(self, cls: Any, name: str, dtype: torch.dtype) -> Any:
        path = self.folder.path / name
        self.used += weight_files(path)
        return load_component(cls, path, dtype).to(self.device)

    def _network(self) -> Any:
        if self.changes and not is_lora(self.changes):
            return load_finetuned(self.changes, self.network_class, self.dtype).to(self.device)
        network = self._component(self.network_class, self.component, self.dtype)
        for file in self.changes:
            merge_lora(network, file, self.component)
        return network

    def _denoiser(self, network: Any, pixels: int) -> Denoiser:
        if self.folder.family == "stable-diffusion-3":
            return TransformerDenoiser(network)
        if self.folder.family == "stable-diffusion-xl":
            return UnetXlDenoiser(network, pixels)
        return UnetDenoiser(network)

    def _text(self, network: Any) -> TextEncoders:
        from transformers import CLIPTextModel, CLIPTextModelWithProjection, T5EncoderModel

        projected = CLIPTextModelWithProjection
        if self.folder.family == "stable-diffusion":
            return SingleClip(self._encoder(CLIPTextModel, ""))
        if self.folder.family == "stable-diffusion-xl":
            zeros = bool(self.folder.index.get("force_zeros_for_empty_prompt", True))
            first = self._encoder(CLIPTextModel, "")
            return DoubleClip(first, self._encoder(projected, "_2"), zeros)
        third = self._encoder(T5EncoderModel, "_3") if self.folder.has("text_encoder_3") else None
        first, second = self._encoder(projected, ""), self._encoder(projected, "_2")
        return TripleText(first, second, third, int(network.config.joint_attention_dim))

    def _encoder(self, cls: Any, suffix: str) -> Encoder:
        from transformers import AutoTokenizer, CLIPTokenizer

        path = self.folder.path / f"tokenizer{suffix}"
        tokenizer_class: Any = AutoTokenizer if suffix == "_3" else CLIPTokenizer
        network = self._component(cls, f"text_encoder{suffix}", self.dtype)
        try:
            tokenizer = tokenizer_class.from_pretrained(str(path), local_files_only=True)
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"`model` has no readable {path.name}. Fetch the model again."
            ) from error
        return Encoder(tokenizer, network)


def _check_channels(network: Any, vae: Any) -> None:
    reads, latent = int(network.config.in_channels), int(vae.config.latent_channels)
    if reads != latent:
        raise CheckpointError(
            f"`model` must read latents of {latent} channels, got a denoiser for {reads}. "
            "Inpainting and instruction models read more than the latents and are not supported."
        )


def _side(sample_size: Any) -> int:
    return int(sample_size if isinstance(sample_size, int) else max(sample_size))
