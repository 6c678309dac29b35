"""Write trained networks as a diffusers pipeline folder: fp16 safetensors, shards, card."""

import copy
import json
from pathlib import Path
from typing import Any

import torch

SHARD_SIZE = "15MB"  # small enough for a git host to show and to diff


def save_autoencoder(autoencoder: Any, folder: Path, *, scaling_factor: float) -> None:
    """Write the image codec with the factor that brings its latents to unit variance."""
    autoencoder.register_to_config(scaling_factor=scaling_factor)
    autoencoder.save_pretrained(folder, safe_serialization=True)


def save_pipeline(
    folder: Path,
    *,
    parts: dict[str, Any],
    scheduler: Any,
    tokenizer: Any,
    card: dict[str, Any],
) -> None:
    """Write a text-to-image pipeline folder for Sequela, and diffusers where Sequela is installed.

    Args:
        folder: Where; it is created.
        parts: `vae`, `unet` and `text_encoder`.
        scheduler: A diffusers scheduler; its settings carry the noise schedule.
        tokenizer: The text encoder's tokenizer.
        card: Data, licence, curves, held-out figures; written as `card.json`.
    """
    for name, network in parts.items():
        # fp16 halves the clone; computing stays fp32 on CPUs
        half = copy.deepcopy(network).to(torch.float16)
        half.save_pretrained(folder / name, safe_serialization=True, max_shard_size=SHARD_SIZE)
        forget_origin(folder / name / "config.json")
    scheduler.save_pretrained(folder / "scheduler")
    tokenizer.save_pretrained(folder / "tokenizer")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", type(scheduler).__name__],
        "text_encoder": ["transformers", type(parts["text_encoder"]).__name__],
        "tokenizer": ["transformers", type(tokenizer).__name__],
        "unet": ["diffusers", type(parts["unet"]).__name__],
        "vae": [_library(parts["vae"]), type(parts["vae"]).__name__],
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n")


def _library(network: Any) -> str:
    """Where diffusers imports the class from."""
    module = type(network).__module__
    return "diffusers" if module.startswith("diffusers.") else module


def forget_origin(config: Path) -> None:
    """Drop the folder a part was loaded from: it names somebody's machine."""
    values = json.loads(config.read_text(encoding="utf-8"))
    values.pop("_name_or_path", None)
    config.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
