"""The classifier objective: real images to findings, in the two stages of the published recipe.

First cross entropy on all findings, then from its features, with a new head, the AUC margin of the
first one against the reference.

Source: Liang et al., arXiv:2309.11745, appendix on the confidence model; Yuan et al., ICCV 2021.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Bool, Float
from torch import Tensor, nn

from sequela.checkpoints import load_classifier, save_classifier
from sequela.metrics import Platt, auroc, reliability
from sequela.nn.classifiers import build_classifier
from sequela.training.auc_margin import AUCMarginLoss
from sequela.training.data import ImageSet, vary
from sequela.training.degrade import degrade
from sequela.training.recipe import ClassifierNetwork, Recipe


class ClassifierLoss(nn.Module):
    """The network with its loss, so that one forward pass can be spread over processes."""

    def __init__(self, network: nn.Module, settings: ClassifierNetwork) -> None:
        super().__init__()
        self.network = network
        self.settings = settings
        self.auc_margin = AUCMarginLoss()

    def forward(
        self,
        images: Float[Tensor, "batch channel side side"],
        targets: Float[Tensor, "batch target"],
        counts: Float[Tensor, "batch target"],
    ) -> dict[str, Tensor]:
        """The stage's loss; entries whose `counts` is 0 are left out."""
        logits = self.network(images)
        if self.settings.loss == "auc-margin":
            used = counts[:, 0] > 0
            return {"loss": self.auc_margin(logits[used, 0].sigmoid(), targets[used, 0] > 0.5)}
        soft = targets * (1 - self.settings.smoothing) + self.settings.smoothing / 2
        losses = F.binary_cross_entropy_with_logits(logits, soft, reduction="none") * counts
        # the first target is what is scored; the others are company that tells what to look at
        weights = torch.full((logits.shape[1],), self.settings.company).to(losses)
        weights[0] = 1.0
        means = losses.sum(0) / counts.sum(0).clamp(min=1)
        return {"loss": (weights * means).sum(), "first": means[0].detach()}


class ClassifierObjective:
    """Trains a classifier on real images alone."""

    def __init__(self, recipe: Recipe, train: ImageSet, held_out: ImageSet, out: Path) -> None:
        if not isinstance(recipe.network, ClassifierNetwork):
            raise TypeError("a classifier objective needs a classifier network section")
        settings = self.settings = recipe.network
        self.recipe = recipe
        self.train, self.held_out = train, held_out
        self.targets, self.counts = labels(train, settings.targets)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)  # inside the fork: the caller's state is left alone
            network = build_classifier(
                settings.architecture,
                channels=recipe.data.channels,
                targets=len(settings.targets),
            )
            if settings.start:
                _take_features(network, out.parent / settings.start / "model.safetensors")
            self.networks = ClassifierLoss(network, settings)

    def batch(self, size: int, generator: torch.Generator, step: int) -> tuple[Tensor, ...]:
        """Varied images, both classes of the first target equally often."""
        ill = self.targets[:, 0] > 0.5
        weights = torch.where(ill, 1 / ill.sum().clamp(min=1), 1 / (~ill).sum().clamp(min=1))
        chosen = torch.multinomial(weights, size, replacement=True, generator=generator)
        images = vary(self.train.images[chosen], self.recipe.data, generator)
        return degrade(images, generator), self.targets[chosen], self.counts[chosen]

    @torch.no_grad()
    def evaluate(self, averaged: Any, step: int, folder: Path) -> dict[str, float]:
        """AUROC of the first target on held-out images, and the calibration error after Platt."""
        logits, ill = self._held_out_logits(averaged)
        probabilities = Platt.fit(logits, ill)(logits)
        return {
            "held_out_auroc": auroc(logits, ill),
            "calibration_error": reliability(probabilities, ill).error,
        }

    @torch.no_grad()
    def export(self, averaged: Any, folder: Path) -> None:
        """Write the network, calibrated on the held-out images."""
        logits, ill = self._held_out_logits(averaged)
        card = {
            "name": self.recipe.name,
            "architecture": self.settings.architecture,
            "domain": self.recipe.data.domain,
            "targets": list(self.settings.targets),
            "image_size": self.recipe.data.image_size,
            "channels": self.recipe.data.channels,
            "data": {
                "sets": list(self.recipe.data.sets),
                "training_images": len(self.train),
                "held_out_images": len(self.held_out),
            },
            "steps": self.recipe.optimiser.steps,
            "held_out_auroc": round(auroc(logits, ill), 4),
            **self.recipe.card,
        }
        path = folder.with_suffix(".safetensors")
        save_classifier(averaged.network, path, card, Platt.fit(logits, ill))

    def _held_out_logits(
        self, averaged: Any
    ) -> tuple[Float[np.ndarray, " image"], Bool[np.ndarray, " image"]]:
        averaged.eval()
        device = next(averaged.parameters()).device
        targets, counts = labels(self.held_out, self.settings.targets)
        used = counts[:, 0] > 0
        parts = [
            averaged.network(self.held_out.images[part].to(device))[:, 0].cpu()
            for part in used.nonzero().flatten().split(32)
        ]
        return torch.cat(parts).double().numpy(), (targets[used, 0] > 0.5).numpy()


def labels(
    images: ImageSet, names: tuple[str, ...]
) -> tuple[Float[Tensor, "image target"], Float[Tensor, "image target"]]:
    """Targets, and which of them count.

    A name such as `moderate|severe` stands for any of its parts. For the first target the others
    are the images without any finding: an image with another disease says nothing of it.
    """
    found = [set(findings or ()) for findings in images.findings]
    targets = torch.tensor([[float(bool(f & set(n.split("|")))) for n in names] for f in found])
    labelled = torch.tensor([float(findings is not None) for findings in images.findings])
    counts = labelled[:, None].expand(-1, len(names)).clone()
    healthy = torch.tensor([float(findings == ()) for findings in images.findings])
    counts[:, 0] *= torch.maximum(targets[:, 0], healthy)
    return targets, counts


def _take_features(network: nn.Module, path: Path) -> None:
    """Start from trained features; the last layer, the head, keeps its fresh weights."""
    trained = load_classifier(path).network.state_dict()
    head = list(network.state_dict())[-2:]
    kept = {n: v for n, v in trained.items() if n not in head}
    network.load_state_dict({**network.state_dict(), **kept})
