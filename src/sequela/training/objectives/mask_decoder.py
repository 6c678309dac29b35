"""The mask-decoder objective: teach Segment Anything one kind of object from a few drawn masks.

Image encoder and prompt encoder are frozen, so each picture is encoded once. Every connected part
of a mask is one object, shown by a box whose edges are jittered, as users' and automatic boxes are.

Source: Ma et al., "Segment Anything in Medical Images", arXiv:2304.12306 (box prompts, sum of Dice
and cross-entropy). Departs from it: the mask decoder alone learns, as MedDream's ten pairs ask for.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from sequela.backbones.segment_anything import (
    Features,
    SegmentAnything,
    draw,
    load_segment_anything,
)
from sequela.backbones.segment_frame import SegmentFrame
from sequela.core import InvalidInputError
from sequela.render import contact_sheet
from sequela.training.data import step_generator
from sequela.training.pairs import Pair, box_of, read_pairs, varied
from sequela.training.recipe import DecoderNetwork, Recipe

_VARIED = 1 << 20  # apart from the keys of the training steps


class MaskDecoderLoss(nn.Module):
    """The mask decoder with its loss, so that one forward pass can be spread over processes."""

    positions: Tensor

    def __init__(self, model: SegmentAnything) -> None:
        super().__init__()
        self.decoder = model.trainable_decoder()
        self.register_buffer("positions", model.positions().cpu(), persistent=False)

    def forward(
        self,
        target: Float[Tensor, "batch coarse coarse"],
        sparse: Tensor,
        dense: Tensor,
        *features: Tensor,
    ) -> dict[str, Tensor]:
        """Dice and cross-entropy terms."""
        logits = self.logits(features, (sparse, dense))
        chance = torch.sigmoid(logits)
        both, either = (chance * target).sum((1, 2)), (chance + target).sum((1, 2))
        overlap = 1 - ((2 * both + 1) / (either + 1)).mean()
        entropy = F.binary_cross_entropy_with_logits(logits, target)
        return {
            "loss": overlap + entropy,
            "overlap": overlap.detach(),
            "entropy": entropy.detach(),
        }

    def logits(
        self, features: Features, prompt: tuple[Tensor, Tensor]
    ) -> Float[Tensor, "batch coarse coarse"]:
        """The one mask of each object."""
        return draw(self.decoder, features, self.positions, prompt)[0][:, 0]


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """A pair as the network sees it.

    Attributes:
        pair: What was encoded.
        features: Of the picture, on the CPU.
        frame: Where the picture lies in the network's square.
        boxes: Around each part of the mask, in image pixels.
        targets: Each part as the network should draw it.
    """

    pair: Pair
    features: Features
    frame: SegmentFrame
    boxes: Float[Tensor, "part 4"]
    targets: Float[Tensor, "part coarse coarse"]

    @classmethod
    def of(cls, model: SegmentAnything, pair: Pair) -> "Encoded":
        """Encode the picture and lay the parts of its mask beside."""
        features, frame = model.encode(pair.picture)
        parts = pair.parts
        masks = torch.from_numpy(np.stack(parts)).float()
        return cls(
            pair=pair,
            features=tuple(each.cpu() for each in features),
            frame=frame,
            boxes=torch.stack([box_of(part) for part in parts]),
            targets=frame.forward(masks, model.coarse).clamp(0, 1),
        )


class MaskDecoderObjective:
    """Trains the mask decoder of a Segment Anything model on drawn masks."""

    def __init__(
        self, recipe: Recipe, model: SegmentAnything, pairs: list[Pair], held_out: list[Pair]
    ) -> None:
        if not isinstance(recipe.network, DecoderNetwork):
            raise TypeError("a mask-decoder objective needs a decoder network section")
        self.recipe = recipe
        self.settings = recipe.network
        self.model = model
        self.networks = MaskDecoderLoss(model)
        self.train = [Encoded.of(model, pair) for pair in self._variants(pairs)]
        self.held_out = [Encoded.of(model, pair) for pair in held_out]
        self.pairs = len(pairs)
        self.objects = [(i, j) for i, each in enumerate(self.train) for j in range(len(each.boxes))]
        model.network.cpu()  # what is left to do, showing boxes, is next to nothing

    @classmethod
    def of(cls, recipe: Recipe, data: Path) -> "MaskDecoderObjective":
        """The objective of a recipe, its sets read from the folder `data`."""
        network = recipe.network
        if not isinstance(network, DecoderNetwork):
            raise TypeError("a mask-decoder objective needs a decoder network section")
        pairs = [pair for name in recipe.data.sets for pair in read_pairs(data / name)]
        held_out = read_pairs(data / network.held_out) if network.held_out else []
        seen = {pair.sha256 for pair in pairs}
        for pair in held_out:
            if pair.sha256 in seen:
                raise InvalidInputError(
                    f"`held_out` must not hold training images, but {pair.name} is in both. "
                    "Figures on what was learned by heart say nothing."
                )
        return cls(recipe, load_segment_anything(network.model), pairs, held_out)

    def _variants(self, pairs: list[Pair]) -> list[Pair]:
        made = []
        for index, pair in enumerate(pairs):
            made.append(pair)
            for copy in range(1, self.settings.variants):
                generator = step_generator(self.recipe.seed, _VARIED, index, copy)
                changed = varied(pair, self.recipe.data, generator)
                if changed.mask.any():  # a small object may be moved out of the picture
                    made.append(changed)
        return made

    def batch(self, size: int, generator: torch.Generator, step: int) -> tuple[Tensor, ...]:
        """Random objects with jittered boxes: target, prompt, features."""
        del step
        chosen = torch.randint(len(self.objects), (size,), generator=generator).tolist()
        moves = 2 * torch.rand(size, 4, generator=generator) - 1
        objects = [(self.train[i], j) for i, j in (self.objects[c] for c in chosen)]
        boxes = torch.stack(
            [
                each.frame.boxes(jittered(each.boxes[j], move * self.settings.jitter, each.frame))
                for (each, j), move in zip(objects, moves, strict=True)
            ]
        )
        target = torch.stack([each.targets[j] for each, j in objects])
        levels = zip(*(each.features for each, _ in objects), strict=True)
        return target, *self.model.prompt(boxes), *(torch.cat(level) for level in levels)

    @torch.no_grad()
    def evaluate(self, averaged: Any, step: int, folder: Path) -> dict[str, float]:
        """Dice of the averaged decoder with exact boxes, on the images' own grids, and a sheet.

        Without a held-out set the figures are of the training pairs, and their names say so.
        """
        shown = self.held_out or self.train[:: self.settings.variants]
        drawn = [self._drawn(averaged, each) for each in shown]
        overlaps = [dice(mask, each.pair.mask) for mask, each in zip(drawn, shown, strict=True)]
        folder.mkdir(parents=True, exist_ok=True)
        contact_sheet(
            [_outlined(e.pair, mask) for e, mask in list(zip(shown, drawn, strict=True))[:12]],
            [f"Dice {overlap:.2f}" for overlap in overlaps[:12]],
            folder / f"{step:06d}.png",
            columns=6,
        )
        name = "dice" if self.held_out else "dice_of_training_pairs"
        return {name: float(np.mean(overlaps)), f"{name}_worst": min(overlaps)}

    def _drawn(self, averaged: Any, each: Encoded) -> Bool[np.ndarray, "height width"]:
        device = averaged.positions.device
        found = np.zeros(each.pair.mask.shape, bool)
        features = tuple(level.to(device) for level in each.features)
        for box in each.boxes:
            sparse, dense = self.model.prompt(each.frame.boxes(box[None]))
            logits = averaged.logits(features, (sparse.to(device), dense.to(device)))
            found |= each.frame.back(logits.cpu())[0].numpy() > 0
        return found

    def export(self, averaged: Any, folder: Path) -> None:
        """Write the whole model with the learned decoder: a folder that the region `sam` loads."""
        base = self.model.card
        card: dict[str, Any] = {
            "name": self.recipe.name,
            "base": {key: base[key] for key in ("name", "kind", "sha256")},
        }
        card |= {key: base[key] for key in ("licence", "source") if key in base}
        card |= self.recipe.card
        card["data"] = {
            "sets": list(self.recipe.data.sets),
            "training_pairs": self.pairs,
            "held_out_pairs": len(self.held_out),
        }
        self.model.save(averaged.decoder, folder, card=card)


def jittered(
    box: Float[Tensor, "4"], move: Float[Tensor, "4"], frame: SegmentFrame
) -> Float[Tensor, "4"]:
    """The box with each edge moved by a share of its side, kept on the image and open."""
    width, height = box[2] - box[0], box[3] - box[1]
    moved = box + move * torch.stack([width, height, width, height])
    left, right = moved[0::2].clamp(0, frame.space[1])
    top, bottom = moved[1::2].clamp(0, frame.space[0])
    return torch.stack([left, top, torch.maximum(right, left + 1), torch.maximum(bottom, top + 1)])


def dice(found: Bool[np.ndarray, "*space"], truth: Bool[np.ndarray, "*space"]) -> float:
    """Twice the overlap over the sum of both; 1 where both are empty."""
    total = int(found.sum()) + int(truth.sum())
    return 2 * float((found & truth).sum()) / total if total else 1.0


def _outlined(
    pair: Pair, found: Bool[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture with the drawn mask's outline in green and the found one's in red."""
    shown = pair.picture.copy()
    shown[_edge(pair.mask)] = (0, 220, 0)
    shown[_edge(found)] = (255, 40, 40)
    return shown


def _edge(mask: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    rows = np.diff(mask, axis=0, append=mask[-1:])
    columns = np.diff(mask, axis=1, append=mask[:, -1:])
    return rows | columns
