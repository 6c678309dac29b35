"""SEINE as a whole: the video network, and the codec and text encoder of Stable Diffusion 1.4."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from sequela.backbones.card import hash_files
from sequela.backbones.devices import pick_device, pick_dtype
from sequela.backbones.folder import PICKLED, locate
from sequela.backbones.seine_checkpoint import WEIGHTS, convert, load_network, read_header
from sequela.backbones.text import Encoder, SingleClip, TextEncoders
from sequela.backbones.weights import codec_class, load_component, weight_files
from sequela.core.errors import CheckpointError, GeometryMismatchError, UnknownNameError
from sequela.diffusion import Posterior, Schedule, linear_schedule
from sequela.nn.seine import SeineConfig, SeineUnet

__all__ = ["SeineBackbone", "SeineConfig", "SeineParts", "convert", "load_parts", "load_seine"]

_PARTS = ("vae", "text_encoder", "tokenizer")
_PATTERNS = [f"{part}/*.{end}" for part in _PARTS for end in ("json", "txt", "safetensors")]


@dataclass(frozen=True, kw_only=True, eq=False)
class SeineBackbone:
    """What a transition needs: image codec, text encoder, video denoiser, schedule.

    Everything in and out is float32 on `device`; only the denoiser and the text encoder may
    compute in half precision.

    Attributes:
        name: Of the weights.
        network: Predicts the noise of a whole clip.
        vae: Image codec.
        text: Text encoder.
        schedule: SEINE's own, not Stable Diffusion's.
        device: Where it computes.
        dtype: Of the network and the text encoder.
        card: Name, hash, licence: goes into the record.
    """

    name: str
    network: SeineUnet
    vae: Any
    text: TextEncoders
    schedule: Schedule
    device: torch.device
    dtype: torch.dtype
    card: dict[str, Any]

    @property
    def pixels_per_latent(self) -> int:
        """Sides of images must be multiples of it."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def image_channels(self) -> int:
        """3 as published; a network trained on a grey codec draws grey."""
        return int(self.vae.config.in_channels)

    @torch.no_grad()
    def encode(self, images: Float[Tensor, "image channel height width"]) -> Posterior:
        """Images in [-1, 1] to the posterior over scaled latents, one by one to spare memory."""
        if any(side % self.pixels_per_latent for side in images.shape[-2:]):
            raise GeometryMismatchError(
                f"`images` must have sides that are multiples of {self.pixels_per_latent}, got "
                f"{tuple(images.shape)}. Resize them."
            )
        found = [
            self.vae.encode(image.to(self.device, torch.float32)).latent_dist
            for image in images.split(1)
        ]
        scale = float(self.vae.config.scaling_factor)
        return Posterior(
            mean=torch.cat([one.mean for one in found]) * scale,
            std=torch.cat([one.std for one in found]) * scale,
        )

    @torch.no_grad()
    def decode(
        self, latents: Float[Tensor, "frame latent height width"]
    ) -> Float[Tensor, "frame channel height_px width_px"]:
        """Scaled latents to images, about [-1, 1], not clipped, one by one to spare memory."""
        scaled = latents.to(self.device, torch.float32) / float(self.vae.config.scaling_factor)
        return torch.cat([self.vae.decode(one, return_dict=False)[0] for one in scaled.split(1)])

    @torch.no_grad()
    def embed(self, texts: Sequence[str]) -> Float[Tensor, "text token text_width"]:
        """Texts to what `denoise` takes; what the encoder cannot hold is logged."""
        embedding = self.text.embed(texts)
        for rest in filter(None, embedding.truncated):
            logging.getLogger(__name__).warning("The end of the text is not read: %r.", rest)
        return embedding.tokens

    @torch.no_grad()
    def denoise(
        self,
        latents: Float[Tensor, "batch channel frame height width"],
        timestep: int,
        tokens: Float[Tensor, "batch token text_width"],
    ) -> Float[Tensor, "batch latent frame height width"]:
        """The predicted noise of clips at one timestep of the whole schedule."""
        times = torch.full((len(latents),), float(timestep), device=self.device)
        predicted = self.network(
            latents.to(self.device, self.dtype), times, tokens.to(self.device, self.dtype)
        )
        return torch.as_tensor(predicted).float()


def load_seine(
    weights: str | Path, parts: str | Path, *, device: str = "auto", dtype: str = "auto"
) -> SeineBackbone:
    """SEINE, ready to draw transitions.

    Args:
        weights: What `convert` made of the published seine.pt, or `sequela train` from a recipe:
            the folder or the file in it.
        parts: Folder in diffusers layout, or hub id, with the `vae`, `text_encoder` and `tokenizer`
            it was trained with, for the published one those of Stable Diffusion 1.4; whatever else
            is there is not read. A trained one has its own.
        device: `auto`, `cpu`, `cuda` or `cuda:1`.
        dtype: Precision of network and text encoder: `float32`, `float16`, `bfloat16`, or `auto`:
            float16 on CUDA, as published, else float32. The codec always computes in float32.

    Raises:
        UnknownNameError: no such file, folder or hub id.
        CheckpointError: pickled or damaged weights, or tensors that do not fit.
    """
    file = weights_file(Path(weights).expanduser())
    where = pick_device(device)
    wanted = "float16" if dtype == "auto" and where.type == "cuda" else dtype
    precision = torch.float32 if wanted == "auto" else pick_dtype(wanted, where, file.parent)
    network = load_network(file, dtype=precision, device=where)
    found = load_parts(parts, device=where, dtype=precision)
    _check_fit(network.config, found, int(read_header(file).get("image_channels", "3")))
    return SeineBackbone(
        name=file.parent.name,
        network=network,
        vae=found.vae,
        text=SingleClip(found.encoder),
        schedule=linear_schedule(prediction=network.config.prediction),
        device=where,
        dtype=precision,
        card=_card(file, found.folder),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class SeineParts:
    """What a transition needs beside the video network.

    Attributes:
        folder: Where they are.
        vae: Image codec, in float32.
        encoder: Text encoder with its tokenizer.
    """

    folder: Path
    vae: Any
    encoder: Encoder


def load_parts(parts: str | Path, *, device: torch.device, dtype: torch.dtype) -> SeineParts:
    """Codec and text encoder of a latent diffusion model of the first Stable Diffusion's layout.

    Args:
        parts: Folder in diffusers layout, or hub id.
        device: Where they go.
        dtype: Of the text encoder.
    """
    from transformers import CLIPTextModel

    folder, _ = locate(parts, _PATTERNS, "with vae, text_encoder and tokenizer, got a file.")
    vae = load_component(codec_class(folder / "vae"), folder / "vae", torch.float32).to(device)
    network = load_component(CLIPTextModel, folder / "text_encoder", dtype).to(device)
    encoder = Encoder(_tokenizer(folder / "tokenizer"), network)
    return SeineParts(folder=folder, vae=vae, encoder=encoder)


def weights_file(path: Path) -> Path:
    """The file with SEINE's weights that a path means: the converted file, or the one in a folder.

    Raises:
        UnknownNameError: there is none.
        CheckpointError: it is pickled, and not converted yet.
    """
    file = path / WEIGHTS if path.is_dir() else path
    if file.suffix in PICKLED:
        raise CheckpointError(
            f"`weights` {file.name} must be converted first, for pickled weights can run code. "
            f"Do it once, safely: `sequela convert {file.name} --out FOLDER`."
        )
    if not file.is_file():
        raise UnknownNameError(
            f"`weights` {str(path)!r} must be a converted file or a folder with {WEIGHTS}, got "
            "none. Convert seine.pt with `sequela convert seine.pt --out FOLDER`."
        )
    return file


def _tokenizer(folder: Path) -> Any:
    from transformers import CLIPTokenizer

    try:
        return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            "`parts` has no readable tokenizer. Fetch Stable Diffusion 1.4 again."
        ) from error


def _check_fit(config: SeineConfig, parts: SeineParts, image_channels: int) -> None:
    codec = parts.vae.config
    pairs = {
        "latent channels": (int(codec.latent_channels), config.out_channels),
        "image channels": (int(codec.in_channels), image_channels),
        "text width": (int(parts.encoder.network.config.hidden_size), config.text_width),
    }
    for what, (given, wanted) in pairs.items():
        if given != wanted:
            raise CheckpointError(
                f"`parts` must have {wanted} {what} for these weights, got {given}. "
                "The published SEINE was trained with the parts of Stable Diffusion 1.4."
            )


def _card(file: Path, folder: Path) -> dict[str, Any]:
    files = [file, *weight_files(folder / "vae"), *weight_files(folder / "text_encoder")]
    header = read_header(file)
    return {
        "name": file.parent.name,
        "kind": "seine",
        "sha256": hash_files(files),
        "size_mb": round(sum(one.stat().st_size for one in files) / 1e6, 1),
        **{name: header[name] for name in ("licence", "source") if name in header},
    }
