"""Write a trained transition network: one folder with all that draws, and its card."""

import json
from pathlib import Path
from typing import Any

import torch

from sequela.backbones.seine import SeineParts
from sequela.backbones.seine_checkpoint import write_weights
from sequela.checkpoints.pipeline import forget_origin
from sequela.nn.seine import SeineUnet


def save_transition(
    network: SeineUnet, parts: SeineParts, folder: Path, *, card: dict[str, Any]
) -> None:
    """Write network, codec and text encoder, so that the folder alone can be loaded.

    Args:
        network: In any precision; stored in fp16, but for the table of rotations.
        parts: What it was trained with; they were stored in fp16 or better.
        folder: Where; it is created.
        card: Data, licence, held-out figures; written as `card.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: tensor.cpu() if name.endswith(".freqs") else tensor.cpu().to(torch.float16)
        for name, tensor in network.state_dict().items()
    }
    told = {key: str(card.get(key, "not stated")) for key in ("licence", "source")}
    channels = str(int(parts.vae.config.in_channels))
    write_weights(tensors, network.config, folder, image_channels=channels, **told)
    for name, part in (("vae", parts.vae), ("text_encoder", parts.encoder.network)):
        part.save_pretrained(folder / name, safe_serialization=True)
        forget_origin(folder / name / "config.json")
    parts.encoder.tokenizer.save_pretrained(folder / "tokenizer")
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
