"""One safetensors file for one network: its header holds the format and a card as JSON."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from sequela.core import CheckpointError, InvalidInputError


def write_single(path: Path, weights: dict[str, Tensor], card: dict[str, Any], kind: str) -> None:
    """Write weights in fp16, whole numbers as they are, with their card.

    Args:
        path: The safetensors file.
        weights: State of a network.
        card: Plain JSON values.
        kind: Name of the format, with its version.
    """
    half = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in weights.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save(half, {"format": kind, "card": json.dumps(card)}))


def read_single(path: Path, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and card of a file of that format.

    Raises:
        CheckpointError: The file is missing, damaged, or holds something else.
    """
    try:
        with safe_open(path, "pt") as stored:
            header = stored.metadata() or {}
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"`checkpoint` {path.name} cannot be read ({error}). Train it with its recipe, or "
            "restore the file."
        ) from error
    if header.get("format") != kind:
        raise CheckpointError(
            f"`checkpoint` {path.name} must be of format {kind}, got {header.get('format')!r}."
        )
    return weights, json.loads(header["card"])


def fill(network: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """Put the weights into the network, strictly.

    Raises:
        CheckpointError: Tensors are missing, surplus or of another shape.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"`checkpoint` {path.name} does not fit its card: {' '.join(str(error).split())[:300]}."
        ) from error


def check_images(images: Tensor, card: dict[str, Any]) -> None:
    """Refuse images of another size, or with other channels, than the card names.

    Raises:
        InvalidInputError: They would have to be fitted to the network's square first.
    """
    size, channels = card["image_size"], card["channels"]
    if images.shape[1:] != (channels, size, size):
        raise InvalidInputError(
            f"`images` must be [N, {channels}, {size}, {size}] for {card['name']}, got "
            f"{tuple(images.shape)}. Fit them to the square first."
        )
