"""The identity objective: films of one person close together, films of different people apart.

Each batch holds two films of each person. They are films of two visits where there are such, else
the same image varied twice, and the card says which. All people of a batch are of one set and one
view: a hospital or a projection is then no way to tell them apart.

Source: Khosla et al., "Supervised Contrastive Learning", arXiv:2004.11362, equation (2); with two
images of each person it is the NT-Xent loss of Chen et al., arXiv:2002.05709.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float, Int
from torch import Tensor, nn

from sequela.checkpoints import save_embedder
from sequela.cohorts import Example
from sequela.core import InvalidInputError
from sequela.metrics.identity import Pairs, equal_error_threshold, pairs_of
from sequela.metrics.ranking import auroc
from sequela.nn.embedder import Embedder
from sequela.training.data import ImageSet, choose, load_images, read_examples, step_generator, vary
from sequela.training.degrade import degrade
from sequela.training.recipe import IdentityNetwork, Recipe

_HELD_OUT = 5  # key of the draws for held-out figures
_WANDER = 0.06  # a crop's place on the second film differs by up to this share of the side


class ContrastiveLoss(nn.Module):
    """The network with its loss, so that one forward pass can be spread over processes."""

    def __init__(self, network: Embedder, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(
        self, images: Float[Tensor, "batch channel side side"], people: Int[Tensor, " batch"]
    ) -> dict[str, Tensor]:
        """The loss, and how often the nearest other image is of the same person."""
        vectors = self.network(images)
        same = (people[:, None] == people[None]).fill_diagonal_(fill_value=False)
        cosines = (vectors @ vectors.T).fill_diagonal_(-2.0)
        nearest = same.gather(1, cosines.argmax(dim=1, keepdim=True)).float().mean()
        return {"loss": contrast(vectors, people, self.temperature), "found": nearest.detach()}


def contrast(
    vectors: Float[Tensor, "batch dimension"], people: Int[Tensor, " batch"], temperature: float
) -> Float[Tensor, ""]:
    """Supervised contrastive loss of unit vectors; whoever has no second image does not count."""
    own = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    same = (people[:, None] == people[None]) & ~own
    logits = (vectors @ vectors.T / temperature).masked_fill(own, -torch.inf)
    chances = (logits - logits.logsumexp(dim=1, keepdim=True)).masked_fill(~same, 0.0)
    counts = same.sum(dim=1)
    each = -chances.sum(dim=1) / counts.clamp(min=1)
    return each[counts > 0].mean()


class IdentityObjective:
    """Trains an embedding of people."""

    def __init__(
        self,
        recipe: Recipe,
        train: ImageSet,
        held_out: ImageSet,
        *,
        people: Mapping[str, Sequence[str]],
        kinds: Sequence[str],
    ) -> None:
        """`people` of both sides, and the `kinds` (set and view) of the training images."""
        if not isinstance(recipe.network, IdentityNetwork):
            raise TypeError("an identity objective needs an identity network section")
        self.recipe, self.settings = recipe, recipe.network
        self.train, self.held_out, self.people = train, held_out, people
        self.films: dict[str, list[int]] = defaultdict(list)
        for index, person in enumerate(people["train"]):
            self.films[person].append(index)
        self.kinds = np.asarray(kinds)
        self.shares = Counter(kinds)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)  # inside the fork: the caller's state is left alone
            network = Embedder(
                channels=recipe.data.channels,
                dimensions=self.settings.dimensions,
                width=self.settings.width,
            )
        self.networks = ContrastiveLoss(network, self.settings.temperature)

    @classmethod
    def of(cls, recipe: Recipe, data: Path) -> "IdentityObjective":
        """The objective of a recipe, its sets read from the folder `data`."""
        examples = read_examples(recipe.data, data)
        chosen = {side: choose(examples, side, recipe.data) for side in ("train", "val")}
        images = {side: load_images(examples, side, recipe.data) for side in chosen}
        people = {side: [e.patient for e in films] for side, films in chosen.items()}
        if recipe_visits(recipe) and max(Counter(people["train"]).values()) < 2:
            raise InvalidInputError(
                '`positives` = "visits" needs people with several images, but none of '
                f'{", ".join(recipe.data.sets)} has two. Set it to "augmentations".'
            )
        kinds = [kind_of(e, data) for e in chosen["train"]]
        return cls(recipe, images["train"], images["val"], people=people, kinds=kinds)

    def batch(self, size: int, generator: torch.Generator, step: int) -> tuple[Tensor, Tensor]:
        """Two varied films of each of size / 2 people of one kind, half of them cropped alike."""
        del step
        draw = np.random.default_rng(generator.initial_seed())
        first, second = zip(*self._visits(size // 2, draw), strict=True)
        chosen = torch.tensor([*first, *second])
        people = torch.arange(len(first)).repeat(2)
        boxes = self._boxes(len(first), generator)
        images = vary(self.train.images[chosen], self.recipe.data, generator)
        shown = crop(images, torch.cat(boxes), self.settings.side)
        return degrade(shown, generator), people

    def _visits(self, count: int, draw: np.random.Generator) -> list[tuple[int, int]]:
        """Indices of two films each of people who share a kind."""
        names, sizes = list(self.shares), np.array(list(self.shares.values()), float)
        kind = names[int(draw.choice(len(names), p=sizes / sizes.sum()))]
        here = np.flatnonzero(self.kinds == kind).tolist()
        people = sorted({self.people["train"][i] for i in here})
        weights = np.array([self.settings.repeat_weight if self._repeats(p) else 1 for p in people])
        count = min(count, len(people))
        chosen = draw.choice(len(people), count, replace=False, p=weights / weights.sum())
        return [self._two(people[i], set(here), draw) for i in chosen]

    def _two(self, person: str, here: set[int], draw: np.random.Generator) -> tuple[int, int]:
        films = self.films[person]
        first = int(draw.choice([i for i in films if i in here]))
        others = [i for i in films if i != first]
        if not (self._repeats(person) and draw.random() < self.settings.visits):
            return first, first
        return first, int(draw.choice(others))

    def _repeats(self, person: str) -> bool:
        return recipe_visits(self.recipe) and len(self.films[person]) > 1

    def _boxes(self, count: int, generator: torch.Generator) -> list[Float[Tensor, "people 3"]]:
        """Centre and side of each crop as shares of the image, about the same for both films."""
        draw = torch.rand(count, 4, generator=generator)
        smallest = self.settings.smallest_crop
        side = torch.where(draw[:, 3] < 0.5, 1.0, smallest + (1 - smallest) * draw[:, 2])
        centre = side[:, None] / 2 + (1 - side[:, None]) * draw[:, :2]
        wander = _WANDER * (2 * torch.rand(count, 2, generator=generator) - 1)
        moved = torch.where(side[:, None] < 1, centre + wander, centre)
        return [torch.cat([c, side[:, None]], dim=1) for c in (centre, moved)]

    @torch.no_grad()
    def evaluate(self, averaged: Any, step: int, folder: Path) -> dict[str, float]:
        """AUROC of genuine pairs against strangers, on held-out images."""
        similarity, pairs = self._held_out_pairs(averaged)
        kind = "visits" if recipe_visits(self.recipe) else "augmentations"
        return {f"auroc_{kind}": auroc(similarity, pairs.genuine)}

    @torch.no_grad()
    def export(self, averaged: Any, folder: Path) -> None:
        """Write the embedding, its threshold set on held-out images."""
        similarity, pairs = self._held_out_pairs(averaged)
        card = {
            "name": self.recipe.name,
            "domain": self.recipe.data.domain,
            "positives": self.settings.positives,
            "image_size": self.settings.side,
            "channels": self.recipe.data.channels,
            "dimensions": self.settings.dimensions,
            "width": self.settings.width,
            "thresholds": {"whole": equal_error_threshold(similarity, pairs.genuine)},
            "data": {
                "sets": list(self.recipe.data.sets),
                "training_images": len(self.train),
                "training_people": len(self.films),
                "training_people_with_repeats": sum(self._repeats(p) for p in self.films),
                "held_out_images": len(self.held_out),
            },
            "steps": self.recipe.optimiser.steps,
            "held_out": {
                "auroc": round(auroc(similarity, pairs.genuine), 4),
                "genuine": int(pairs.genuine.sum()),
                "impostors": int((~pairs.genuine).sum()),
            },
            **self.recipe.card,
        }
        save_embedder(averaged.network, folder.with_suffix(".safetensors"), card)

    def _held_out_pairs(self, averaged: Any) -> tuple[Float[np.ndarray, " pair"], Pairs]:
        averaged.eval()
        people = np.asarray(self.people["val"])
        shown = list(self.held_out.parts(32))
        if not recipe_visits(self.recipe):
            generator = step_generator(self.recipe.seed, _HELD_OUT)
            shown += [degrade(vary(x, self.recipe.data, generator), generator) for x in shown]
            people = np.tile(np.arange(len(people)).astype(str), 2)
        device = next(averaged.parameters()).device
        whole = [F.interpolate(x, self.settings.side, mode="area").to(device) for x in shown]
        vectors = torch.cat([averaged.network(x).cpu() for x in whole]).double().numpy()
        pairs = pairs_of(people)
        return (vectors[pairs.first] * vectors[pairs.second]).sum(axis=1), pairs


def recipe_visits(recipe: Recipe) -> bool:
    """Whether films of two visits are what is held together."""
    return isinstance(recipe.network, IdentityNetwork) and recipe.network.positives == "visits"


def kind_of(example: Example, data: Path) -> str:
    """The set and the view: what can be told from a film without knowing the person."""
    return f"{example.path.relative_to(data).parts[0]} {example.view}"


def crop(
    images: Float[Tensor, "batch channel side side"], boxes: Float[Tensor, "batch 3"], side: int
) -> Float[Tensor, "batch channel small small"]:
    """Squares of images at `side` pixels; each box is (row, column) of its centre and its side.

    All in shares of the image.
    """
    middle = 2 * boxes[:, :2] - 1
    zero, share = torch.zeros(len(boxes)), boxes[:, 2]
    across = torch.stack([share, zero, middle[:, 1]], dim=1)
    down = torch.stack([zero, share, middle[:, 0]], dim=1)
    shape = [len(images), images.shape[1], side, side]
    grid = F.affine_grid(torch.stack([across, down], dim=1), shape, align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
