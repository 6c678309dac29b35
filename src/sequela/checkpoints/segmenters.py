"""Mask-drawing networks as one safetensors file, whose header tells what they draw."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from sequela.core import CheckpointError
from sequela.nn.segmenter import Segmenter

FORMAT = "sequela-segmenter-1"


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedSegmenter:
    """A segmenter with its card: name, domain, classes, side in pixels, data, licence."""

    network: Segmenter
    card: dict[str, Any]


def save_segmenter(network: Any, path: Path, card: dict[str, Any]) -> None:
    """Write the weights in fp16 with their card."""
    weights = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save(weights, {"format": FORMAT, "card": json.dumps(card)}))


def load_segmenter(path: Path) -> TrainedSegmenter:
    """The segmenter saved in `path`, strictly.

    Raises:
        CheckpointError: The file is missing, damaged, or holds something else.
    """
    try:
        with safe_open(path, "pt") as stored:
            header = stored.metadata() or {}
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"`segmenter` {path.name} cannot be read ({error}). Train it with its recipe, or "
            "restore the file."
        ) from error
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"`segmenter` {path.name} must be of format {FORMAT}, got {header.get('format')!r}."
        )
    card = json.loads(header["card"])
    network = Segmenter(len(card["classes"]), card["width"])
    try:
        network.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        raise CheckpointError(
            f"`segmenter` {path.name} does not fit its card: {' '.join(str(error).split())[:300]}."
        ) from error
    network.eval().requires_grad_(requires_grad=False)
    return TrainedSegmenter(network=network, card=card)
