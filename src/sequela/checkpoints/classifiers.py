"""Classifiers as one safetensors file, whose header tells what they are and how to read them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from sequela.checkpoints.single import check_images, fill, read_single, write_single
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
        check_images(images, self.card)
        parts = [self.network(batch)[:, 0] for batch in images.split(_BATCH)]
        return torch.cat(parts).double().numpy()

    @torch.no_grad()
    def features(
        self, images: Float[Tensor, "image channel side side"]
    ) -> Float[np.ndarray, "image feature"]:
        """What the last layer reads: the measure of distances such as KID."""
        check_images(images, self.card)
        last = [m for m in self.network.modules() if isinstance(m, nn.Linear)][-1]
        caught: list[Tensor] = []
        handle = last.register_forward_pre_hook(lambda _, given: caught.append(given[0]))
        try:
            for batch in images.split(_BATCH):
                self.network(batch)
        finally:
            handle.remove()
        return torch.cat(caught).double().numpy()

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
    calibration = {"slope": platt.slope, "offset": platt.offset}
    write_single(path, network.state_dict(), {**card, "calibration": calibration}, FORMAT)


def load_classifier(path: Path) -> Classifier:
    """The classifier saved in `path`, strictly.

    Raises:
        CheckpointError: The file is missing, damaged, or holds something else.
    """
    weights, card = read_single(path, FORMAT)
    network = build_classifier(
        card["architecture"], channels=card["channels"], targets=len(card["targets"])
    )
    fill(network, weights, path)
    return Classifier(
        network=network.float().eval(), card=card, calibration=Platt(**card["calibration"])
    )
