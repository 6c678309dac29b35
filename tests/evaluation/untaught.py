"""A judge with random weights: what is asked of it is only that it scores."""

from pathlib import Path

import torch

from sequela.checkpoints import save_classifier
from sequela.metrics import Platt
from sequela.nn.classifiers import build_classifier


def save_untaught_judge(path: Path, *, name: str = "untaught", image_size: int) -> Path:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_classifier("residual-mini", channels=1, targets=1)
    card = {"name": name, "architecture": "residual-mini", "domain": "chest"}
    card |= {"targets": ["Pneumonia"], "image_size": image_size, "channels": 1}
    save_classifier(network, path, card, Platt())
    return path
