"""Images with their findings, and batches that depend on nothing but seed and step number."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float, Int
from torch import Tensor

from sequela.cohorts import Example, load_cohorts, split_of
from sequela.core import InvalidInputError, hash_bytes
from sequela.training.exposure import swap_exposure
from sequela.training.image_files import ImageFiles, decode
from sequela.training.recipe import DataSettings


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """All images of one split, ready to draw from.

    Attributes:
        images: `[N, C, S, S]` in [-1, 1], in memory or as files.
        findings: For each image; None where it is unlabelled, or where its source leaves open
            whether there is one: neither is a healthy image.
        views: For each image.
    """

    images: Float[Tensor, "image channel side side"] | ImageFiles
    findings: tuple[tuple[str, ...] | None, ...]
    views: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.findings)

    def draw(
        self, size: int, generator: torch.Generator, *, step: int, settings: DataSettings
    ) -> Int[Tensor, " batch"]:
        """Indices of random images, with replacement."""
        if settings.balance_findings:
            weights = self.finding_weights
        elif settings.balance_views_from is not None and step >= settings.balance_views_from:
            weights = self.view_weights
        else:
            return torch.randint(len(self), (size,), generator=generator)
        return torch.multinomial(weights, size, replacement=True, generator=generator)

    def parts(self, size: int) -> Iterator[Float[Tensor, "batch channel side side"]]:
        """All images in their order, `size` at a time."""
        yield from self.images.split(size)

    @cached_property
    def view_weights(self) -> Float[Tensor, " image"]:
        """Weights under which healthy, pneumonia and other films each show all views alike."""
        groups = [
            None if found is None else "healthy" if not found else "Pneumonia" in found
            for found in self.findings
        ]
        cells = Counter(zip(groups, self.views, strict=True))
        sizes = Counter(groups)
        views = Counter(group for group, _ in cells)
        return torch.tensor(
            [
                sizes[group] / (views[group] * cells[group, view])
                for group, view in zip(groups, self.views, strict=True)
            ]
        )

    @cached_property
    def finding_weights(self) -> Float[Tensor, " image"]:
        """Weights of: choose a finding, or none, all alike; then choose an image that has it."""
        names = [found or (None,) for found in self.findings if found is not None]
        counts = Counter(name for found in names for name in found)
        return torch.tensor(
            [
                0.0 if found is None else sum(1 / counts[name] for name in found or (None,))
                for found in self.findings
            ]
        )


def read_examples(settings: DataSettings, root: Path) -> list[Example]:
    """The examples of a recipe's sets, on the sides that it asks for."""
    examples = load_cohorts(settings.sets, root)
    if settings.split == "hash":
        return [replace(example, split=split_of(example.patient)) for example in examples]
    return examples


def choose(examples: Sequence[Example], split: str, settings: DataSettings) -> list[Example]:
    """Those of one split that a recipe learns from, or compares with.

    Raises:
        InvalidInputError: There are none.
    """
    chosen = [example for example in examples if example.split == split]
    if settings.views:
        chosen = [example for example in chosen if example.view in settings.views]
    if settings.findings:
        chosen = [e for e in chosen if set(e.findings or ()) & set(settings.findings)]
    if split == "train" and settings.patients != "all":
        chosen = [e for e in chosen if learner_of(e.patient) == settings.patients]
    if split == "train" and settings.shots is not None:
        chosen = few(chosen, settings.shots)
    if not chosen:
        raise InvalidInputError(
            f"`data` must leave at least one image to {split}, but of {len(examples)} images of "
            f"{', '.join(settings.sets)} none is there. Ask for fewer conditions, or for "
            'split = "hash".'
        )
    return chosen


def few(examples: Sequence[Example], count: int) -> list[Example]:
    """So many of the examples, a second one of a patient only when all have given one.

    The choice is a hash of the patient's name: the same on every machine, and a larger `count`
    adds to a smaller one.
    """
    seen: Counter[str] = Counter()
    ranked = []
    for example in sorted(examples, key=lambda e: e.path.name):
        # Salted, or the few would be those whom `learner_of` gives to a judge.
        place = hash_bytes(f"sequela shots {example.patient}".encode())
        ranked.append((seen[example.patient], place, example))
        seen[example.patient] += 1
    return [example for *_, example in sorted(ranked, key=lambda entry: entry[:2])][:count]


def load_images(
    examples: Sequence[Example], split: str, settings: DataSettings, cache: Path | None = None
) -> ImageSet:
    """The images of one split: in memory where they fit, or else read as they are drawn.

    Args:
        examples: Of all splits.
        split: Which one.
        settings: Which images, and how large they may be together.
        cache: Where to keep decoded what does not fit in memory.
    """
    chosen = choose(examples, split, settings)
    bytes_each = 4 * settings.channels * settings.image_size**2
    images: Tensor | ImageFiles
    if len(chosen) * bytes_each > settings.memory_gb * 1e9:
        paths = [example.path for example in chosen]
        images = ImageFiles(paths=paths, settings=settings, cache=cache)
    else:
        decoded = (decode(example.path, settings) for example in chosen)
        images = torch.stack([image.expand(settings.channels, -1, -1) for image in decoded])
    return ImageSet(
        images=images,
        findings=tuple(None if not e.findings and e.open_findings else e.findings for e in chosen),
        views=tuple(example.view for example in chosen),
    )


def learner_of(patient: str) -> str:
    """Who may learn from a training patient: `generator`, or for three in ten `judge`.

    A score is only independent if its judge has not seen what the generator has.
    """
    share = int(hash_bytes(patient.encode())[:8], 16) / 2**32
    return "judge" if share < 0.3 else "generator"


def step_generator(seed: int, *keys: int) -> torch.Generator:
    """A generator for each step, so that a resumed run draws what it would have drawn."""
    state = np.random.SeedSequence([seed, *keys]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) >> 1)


def vary(
    images: Float[Tensor, "batch channel side side"],
    settings: DataSettings,
    generator: torch.Generator,
) -> Float[Tensor, "batch channel side side"]:
    """Turn, scale, move and re-contrast each image a little; mirror half if asked to.

    Exposures are swapped within the batch, if asked to: hand in images with all findings.
    """
    if not settings.varies:
        return images
    if settings.swap_exposure:
        images = swap_exposure(images, generator)
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
