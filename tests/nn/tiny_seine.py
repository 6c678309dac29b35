"""A reduced SEINE with random weights, and its checkpoint in the published container."""

from pathlib import Path

import torch

from sequela.nn.seine import SeineConfig, SeineUnet
from tests.backbones.tiny_models import WIDTH

TINY = SeineConfig(
    widths=(16, 32, 32), depth=1, heads=2, text_width=WIDTH, norm_groups=8, rotary_width=8
)


def tiny_seine(config: SeineConfig = TINY, *, seed: int = 0) -> SeineUnet:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return SeineUnet(config).eval().requires_grad_(False)


def tiny_checkpoint(file: Path, network: SeineUnet | None = None) -> Path:
    torch.save({"ema": (network or tiny_seine()).state_dict()}, file)
    return file
