"""Mask-drawing networks as one safetensors file, whose header tells what they draw."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from sequela.checkpoints.single import fill, read_single, write_single
from sequela.nn.segmenter import Segmenter

FORMAT = "sequela-segmenter-1"


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedSegmenter:
    """A segmenter with its card: name, domain, classes, side in pixels, data, licence."""

    network: Segmenter
    card: dict[str, Any]


def save_segmenter(network: nn.Module, path: Path, card: dict[str, Any]) -> None:
    """Write the weights in fp16 with their card."""
    write_single(path, network.state_dict(), card, FORMAT)


def load_segmenter(path: Path) -> TrainedSegmenter:
    """The segmenter saved in `path`, strictly.

    Raises:
        CheckpointError: The file is missing, damaged, or holds something else.
    """
    weights, card = read_single(path, FORMAT)
    network = Segmenter(len(card["classes"]), card["width"])
    fill(network, weights, path)
    network.eval().requires_grad_(requires_grad=False)
    return TrainedSegmenter(network=network, card=card)
