"""Images in memory, and batches that depend on nothing but the seed and the step number."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float, Int
from torch import Tensor

from sequela.cohorts import Example
from sequela.core import hash_bytes
from sequela.imaging import Fit, channels_first, to_model_range
from sequela.io import read_scan
from sequela.training.recipe import DataSettings


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """All images of one split, ready to draw from.

    Attributes:
        images: `[N, C, S, S]` in [-1, 1].
        findings: For each image; None where it is unlabelled.
        views: For each image.
    """

    images: Float[Tensor, "image channel side side"]
    findings: tuple[tuple[str, ...] | None, ...]
    views: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.findings)

    def draw(
        self, size: int, generator: torch.Generator, *, step: int, settings: DataSettings
    ) -> Int[Tensor, " batch"]:
        """Indices of random images, with replacement."""
        if settings.balance_views_from is None or step < settings.balance_views_from:
            return torch.randint(len(self), (size,), generator=generator)
        weights = view_weights(self)
        return torch.multinomial(weights, size, replacement=True, generator=generator)


def load_images(examples: Sequence[Example], split: str, settings: DataSettings) -> ImageSet:
    """Decode, window and resize the images of one split, all in the same way.

    File history (size, compression, framing) would otherwise be a shortcut between classes.
    """
    chosen = [example for example in examples if example.split == split]
    if settings.views:
        chosen = [example for example in chosen if example.view in settings.views]
    if split == "train" and settings.patients != "all":
        chosen = [e for e in chosen if learner_of(e.patient) == settings.patients]
    images = []
    for example in chosen:
        scan = read_scan(example.path)
        image = channels_first(to_model_range(scan.array, scan.window))
        square = Fit.of(scan.plane, settings.image_size).forward(image)
        if settings.channels == 1:
            square = square.mean(axis=0, keepdims=True)
        images.append(torch.from_numpy(square).expand(settings.channels, -1, -1))
    return ImageSet(
        images=torch.stack(images),
        findings=tuple(example.findings for example in chosen),
        views=tuple(example.view for example in chosen),
    )


def learner_of(patient: str) -> str:
    """Who may learn from a training patient: `generator`, or for three in ten `judge`.

    A score is only independent if its judge has not seen what the generator has.
    """
    share = int(hash_bytes(patient.encode())[:8], 16) / 2**32
    return "judge" if share < 0.3 else "generator"


def view_weights(images: ImageSet) -> Float[Tensor, " image"]:
    """Weights under which healthy, pneumonia and other films each show all their views alike."""
    groups = [
        None if found is None else "healthy" if not found else "Pneumonia" in found
        for found in images.findings
    ]
    cells = Counter(zip(groups, images.views, strict=True))
    sizes = Counter(groups)
    views = Counter(group for group, _ in cells)
    return torch.tensor(
        [
            sizes[group] / (views[group] * cells[group, view])
            for group, view in zip(groups, images.views, strict=True)
        ]
    )


def step_generator(seed: int, *keys: int) -> torch.Generator:
    """A generator for each step, so that a resumed run draws what it would have drawn."""
    state = np.random.SeedSequence([seed, *keys]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) >> 1)


def vary(
    images: Float[Tensor, "batch channel side side"],
    settings: DataSettings,
    generator: torch.Generator,
) -> Float[Tensor, "batch channel side side"]:
    """Turn, scale, move and re-contrast each image a little; mirror half if asked to."""
    batch = len(images)
    draw = 2 * torch.rand(batch, 6, generator=generator) - 1
    angle = draw[:, 0] * settings.rotation_degrees * torch.pi / 180
    scale = 1 + draw[:, 1] * settings.zoom
    cos, sin = scale * angle.cos(), scale * angle.sin()
    # grid_sample's coordinates span 2 from edge to edge
    move = 2 * settings.shift * draw[:, 2:4]
    affine = torch.stack(
        [torch.stack([cos, -sin, move[:, 0]], 1), torch.stack([sin, cos, move[:, 1]], 1)], 1
    )
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    if settings.mirror:
        flipped = torch.rand(batch, generator=generator) < 0.5
        moved = torch.where(flipped.view(-1, 1, 1, 1), moved.flip(-1), moved)
    contrast = 1 + draw[:, 4].view(-1, 1, 1, 1) * settings.contrast
    brightness = draw[:, 5].view(-1, 1, 1, 1) * settings.contrast
    return (moved * contrast + brightness).clamp(-1, 1)
