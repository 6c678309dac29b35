"""CLIP: images and words as vectors of one space, by a pretrained model that is named.

Source: Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
arXiv:2103.00020. CLIP-I is the cosine of two images; which CLIP decides the figure, and the paper
of MedDream does not tell, so every figure carries the name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from sequela.backbones.card import hash_files
from sequela.backbones.devices import pick_device
from sequela.backbones.folder import locate, read_json
from sequela.backbones.weights import load_component, weight_files
from sequela.core.errors import CheckpointError, InvalidInputError

Picture = UInt8[np.ndarray, "height width 3"]

_PATTERNS = ["*.json", "README.md", "merges.txt", "*.safetensors"]
_BATCH = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """A frozen CLIP.

    Attributes:
        name: Hub id, or name of the folder; belongs beside every figure.
        network: transformers' CLIPModel.
        reader: Prepares pictures as the model's folder has it.
        tokeniser: Reads words; None where the folder has none, and only images can be compared.
        card: Name, kind and hash of the weights.
    """

    name: str
    network: Any
    reader: Any
    tokeniser: Any
    card: dict[str, Any]

    @torch.no_grad()
    def embed_images(self, pictures: Sequence[Picture]) -> Float[np.ndarray, "image dimension"]:
        """Unit vectors of sRGB pictures of any size."""
        parts = []
        for start in range(0, len(pictures), _BATCH):
            shown = self.reader(images=list(pictures[start : start + _BATCH]), return_tensors="pt")
            pixels = shown["pixel_values"].to(self.network.device)
            seen = self.network.vision_model(pixel_values=pixels).pooler_output
            parts.append(self.network.visual_projection(seen))
        return _units(parts)

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> Float[np.ndarray, "text dimension"]:
        """Unit vectors of texts; what is longer than the model reads is cut off.

        Raises:
            InvalidInputError: The model came without a tokenizer.
        """
        if self.tokeniser is None:
            raise InvalidInputError(
                f"`texts` need a tokenizer, but {self.name} came without one. Fetch vocab.json and "
                "merges.txt of the same model."
            )
        longest = int(self.network.config.text_config.max_position_embeddings)
        shown = self.tokeniser(
            list(texts), padding=True, truncation=True, max_length=longest, return_tensors="pt"
        ).to(self.network.device)
        told = self.network.text_model(
            input_ids=shown["input_ids"], attention_mask=shown["attention_mask"]
        ).pooler_output
        return _units([self.network.text_projection(told)])


@dataclass(frozen=True, kw_only=True, eq=False)
class ClipImage:
    """CLIP-I: how alike first and last states are to a CLIP.

    Attributes:
        cosines: One for each pair, [-1, 1]; of one modality all lie near 1, so compare methods.
        backbone: Which CLIP; figures of two backbones cannot be compared.
    """

    cosines: Float[np.ndarray, " pair"]
    backbone: str


def clip_image(clip: Clip, before: Sequence[Picture], after: Sequence[Picture]) -> ClipImage:
    """CLIP-I of baselines and last states.

    Raises:
        InvalidInputError: They do not pair up.
    """
    if len(before) != len(after):
        raise InvalidInputError(
            f"`before` and `after` must pair up, got {len(before)} and {len(after)}. "
            "Leave out baselines whose simulation failed."
        )
    cosines = (clip.embed_images(before) * clip.embed_images(after)).sum(axis=1)
    return ClipImage(cosines=cosines, backbone=clip.name)


def load_clip(model: str | Path, *, device: str = "auto") -> Clip:
    """A CLIP model, frozen, in float32.

    Args:
        model: Folder in transformers' layout, or a hub id such as openai/clip-vit-base-patch32.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.

    Raises:
        UnknownNameError: No such folder or hub id.
        CheckpointError: Another kind of model, pickled weights, or tensors that do not fit.
    """
    from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    folder, name = locate(model, _PATTERNS, "in transformers' layout, got a file.")
    kind = read_json(folder / "config.json").get("model_type") if _has(folder, "config") else None
    if kind != "clip":
        raise CheckpointError(
            f"`model` must be a CLIP (model_type clip), but {name!r} is {kind or 'no model'}. "
            "Take a CLIP folder in transformers' layout."
        )
    if not _has(folder, "preprocessor_config"):
        raise CheckpointError(
            f"`model` {name!r} has no preprocessor_config.json, which says how pictures are "
            "prepared. Fetch the model again, or save its processor beside it."
        )
    words = _has(folder, "vocab") or _has(folder, "tokenizer")
    return Clip(
        name=name,
        network=load_component(CLIPModel, folder, torch.float32).to(pick_device(device)),
        reader=CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True),
        tokeniser=CLIPTokenizer.from_pretrained(folder, local_files_only=True) if words else None,
        card={"name": name, "kind": "clip", "sha256": hash_files(weight_files(folder))},
    )


def _has(folder: Path, name: str) -> bool:
    return (folder / f"{name}.json").is_file()


def _units(parts: list[Tensor]) -> Float[np.ndarray, "one dimension"]:
    vectors = torch.cat(parts).double().cpu()
    return np.asarray((vectors / vectors.norm(dim=1, keepdim=True)).numpy())
