"""The hardware objective: real films with drawn hardware to masks of its lines and bodies.

The truth is that of the drawing. What already lies on a film is unknown, so pixels where a plain
line is seen before anything is drawn are left out of the loss.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor, nn

from sequela.checkpoints import save_segmenter
from sequela.cohorts.synthetic.hardware import KINDS, draw_hardware
from sequela.conditioning.devices.lines import line_contrast
from sequela.nn.segmenter import Segmenter
from sequela.training.data import ImageSet, step_generator
from sequela.training.recipe import HardwareNetwork, Recipe

CLASSES = ("line", "body")
_PLAIN = 0.12  # contrast from which a line that was there before is left out


class SegmenterLoss(nn.Module):
    """The network with its loss, so that one forward pass can be spread over processes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.segmenter = Segmenter(len(CLASSES), width)

    def forward(
        self,
        films: Float[Tensor, "batch 1 h w"],
        masks: Float[Tensor, "batch cls h w"],
        counts: Float[Tensor, "batch 1 h w"],
    ) -> dict[str, Tensor]:
        """Cross entropy, and one minus the soft Dice of each class over the batch."""
        logits = self.segmenter(films)
        entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none") * counts
        shown = logits.sigmoid() * counts
        both = (shown * masks).sum((0, 2, 3))
        total = (shown + masks * counts).sum((0, 2, 3))
        dice = 1 - ((2 * both + 1) / (total + 1)).mean()
        return {"loss": entropy.mean() * 4 + dice, "dice": dice.detach()}


class HardwareObjective:
    """Trains the finder of radio-opaque hardware."""

    def __init__(self, recipe: Recipe, train: ImageSet, held_out: ImageSet) -> None:
        if not isinstance(recipe.network, HardwareNetwork):
            raise TypeError("a hardware objective needs a hardware network section")
        self.recipe, self.settings = recipe, recipe.network
        self.train, self.held_out = train, held_out
        self._lines: dict[tuple[int, int], np.ndarray] = {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)  # inside the fork: the caller's state is left alone
            self.networks = SegmenterLoss(recipe.network.width)

    def batch(self, size: int, generator: torch.Generator, step: int) -> tuple[Tensor, ...]:
        """Crops of films with up to three pieces of hardware each."""
        draw = np.random.default_rng(generator.initial_seed())
        return self._drawn(self.train, size, draw)

    def _drawn(self, images: ImageSet, size: int, draw: np.random.Generator) -> tuple[Tensor, ...]:
        films, masks, counts = zip(*(self._one(images, draw) for _ in range(size)), strict=True)
        return torch.stack(films), torch.stack(masks), torch.stack(counts)

    def _one(self, images: ImageSet, draw: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        index = int(draw.integers(len(images)))
        film, known = _grey(images, index), self._known(images, index)
        if draw.random() < 0.5:  # hardware lies on either side
            film, known = film[:, ::-1].copy(), known[:, ::-1]
        film = film ** np.float32(draw.uniform(0.7, 1.4))
        lines, bodies = np.zeros(film.shape, bool), np.zeros(film.shape, bool)
        for kind in draw.choice(sorted(KINDS), int(draw.integers(0, 4))):
            piece = draw_hardware(film, str(kind), draw)
            film, lines, bodies = piece.film, lines | piece.lines, bodies | piece.bodies
        crop = self.settings.crop
        top, left = (int(draw.integers(0, side - crop + 1)) for side in film.shape)
        place = (slice(top, top + crop), slice(left, left + crop))
        truth = np.stack([lines, bodies])[:, place[0], place[1]]
        counts = ~known[place] | truth.any(axis=0)
        return (
            torch.from_numpy(2 * film[place] - 1)[None],
            torch.from_numpy(truth.astype(np.float32)),
            torch.from_numpy(counts.astype(np.float32))[None],
        )

    def _known(self, images: ImageSet, index: int) -> Bool[np.ndarray, "height width"]:
        """Where a line was seen before anything was drawn; found once for each film."""
        key = (id(images), index)
        if key not in self._lines:
            plain = line_contrast(_grey(images, index)) > _PLAIN
            self._lines[key] = ndimage.binary_dilation(plain, iterations=3)
        return self._lines[key]

    @torch.no_grad()
    def evaluate(self, averaged: Any, step: int, folder: Path) -> dict[str, float]:
        """Recall, and share of what is found that is true, on held-out films at fixed drawings."""
        draw = np.random.default_rng(step_generator(self.recipe.seed, 1).initial_seed())
        device = next(averaged.parameters()).device
        films, masks, counts = self._drawn(self.held_out, 24, draw)
        parts = [averaged.segmenter(f.to(device)).cpu() for f in films.split(4)]
        found = (torch.cat(parts) > 0) & (counts > 0)
        true = masks > 0.5
        hits = (found & true).sum((0, 2, 3)).double()
        recall = hits / true.sum((0, 2, 3)).clamp(min=1)
        precision = hits / found.sum((0, 2, 3)).clamp(min=1)
        return {
            f"{name}_{kind}": float(values[index])
            for name, values in (("recall", recall), ("precision", precision))
            for index, kind in enumerate(CLASSES)
        }

    @torch.no_grad()
    def export(self, averaged: Any, folder: Path) -> None:
        """Write the network with its card."""
        card = {
            "name": self.recipe.name,
            "domain": self.recipe.data.domain,
            "classes": list(CLASSES),
            "width": self.settings.width,
            "side": self.recipe.data.image_size,
            "data": {
                "sets": list(self.recipe.data.sets),
                "training_images": len(self.train),
                "held_out_images": len(self.held_out),
            },
            "steps": self.recipe.optimiser.steps,
            **self.recipe.card,
        }
        save_segmenter(averaged.segmenter, folder.with_suffix(".safetensors"), card)


def _grey(images: ImageSet, index: int) -> Float[np.ndarray, "height width"]:
    film = (images.images[torch.tensor([index])][0, 0].numpy() + 1) / 2
    return np.clip(film, 0, 1).astype(np.float32)
