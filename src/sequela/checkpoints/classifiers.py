"""Classifiers as one safetensors file, whose header tells what they are and how to read them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from sequela.core import CheckpointError, InvalidInputError
from sequela.metrics import Platt
from sequela.nn.classifiers import build_classifier

FORMAT = "sequela-classifier-1"
_BATCH = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Classifier:
    """A trained classifier of one domain's images.

    Attributes:
        network: From images in [-1, 1] to one logit for each target.
        card: Name, domain, targets, image size, channels, data, licence, figures.
        calibration: From the first target's logit to a probability, fitted on held-out images.
    """

    network: nn.Module
    card: dict[str, Any]
    calibration: Platt

    @torch.no_grad()
    def logits(
        self, images: Float[Tensor, "image channel side side"]
    ) -> Float[np.ndarray, " image"]:
        """Scores of the first target: higher is more like it, of no scale.

        Raises:
            InvalidInputError: The images have another size or number of channels.
        """
        size, channels = self.card["image_size"], self.card["channels"]
        if images.shape[1:] != (channels, size, size):
            raise InvalidInputError(
                f"`images` must be [N, {channels}, {size}, {size}] for {self.card['name']}, got "
                f"{tuple(images.shape)}. Fit them to the square first."
            )
        parts = [self.network(batch)[:, 0] for batch in images.split(_BATCH)]
        return torch.cat(parts).double().numpy()

    def probability(
        self, images: Float[Tensor, "image channel side side"]
    ) -> Float[np.ndarray, " image"]:
        """Calibrated probability of the first target against the reference, [0, 1]."""
        return self.calibration(self.logits(images))


def save_classifier(network: nn.Module, path: Path, card: dict[str, Any], platt: Platt) -> None:
    """Write the weights in fp16 with their card and calibration.

    Args:
        network: From `nn.classifiers.build_classifier`.
        path: The safetensors file to write.
        card: At least name, architecture, domain, targets, image_size, channels.
        platt: Calibration of the first target.
    """
    weights = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    calibration = {"slope": platt.slope, "offset": platt.offset}
    header = {"format": FORMAT, "card": json.dumps({**card, "calibration": calibration})}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save(weights, header))


def load_classifier(path: Path) -> Classifier:
    """The classifier saved in `path`, strictly.

    Raises:
        CheckpointError: The file is missing, damaged, or holds something else.
    """
    try:
        with safe_open(path, "pt") as stored:
            header = stored.metadata() or {}
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"`classifier` {path.name} cannot be read ({error}). Train it with its recipe, or "
            "restore the file."
        ) from error
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"`classifier` {path.name} must be of format {FORMAT}, got {header.get('format')!r}."
        )
    card = json.loads(header["card"])
    network = build_classifier(
        card["architecture"], channels=card["channels"], targets=len(card["targets"])
    )
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"`classifier` {path.name} does not fit {card['architecture']}: "
            f"{' '.join(str(error).split())[:300]}."
        ) from error
    return Classifier(
        network=network.float().eval(), card=card, calibration=Platt(**card["calibration"])
    )
