"""Is it the same mole? The embedding of `recipes/colour-identity.toml`, whole and by region.

    python benchmarks/identity_skin.py --data DIR --model work/identity/colour/model.safetensors
        --out work/identity/skin [--finish FILE]

No lesion of these sets was photographed twice. A genuine pair is one photograph and a varied copy
of it (turned, moved, re-lit, re-encoded); impostors are two lesions of one diagnosis. That is an
easy task and no evidence of recognition at another visit; it says what an edit must not do. Both
are asked of the whole image and of the crop around the lesion, which `auto_region` finds on the
photograph and takes over to the copy. Thresholds where both errors are equal are set on `val` and
told on `test`, with a third row: another lesion pasted into the skin around.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from films import as_judged, write_figures

from sequela.checkpoints import TrainedEmbedder, load_embedder, save_embedder
from sequela.cohorts import load_cohorts
from sequela.conditioning import auto_region
from sequela.core import Scan
from sequela.imaging import resize
from sequela.io import read_scan
from sequela.metrics.identity import (
    Pairs,
    equal_error_threshold,
    pairs_of,
    region_box,
    verification,
)
from sequela.training import read_recipe
from sequela.training.data import vary
from sequela.training.degrade import degrade

SETS = ("skin-ham", "skin-isic")
RECIPE = Path(__file__).parents[1] / "recipes/colour-identity.toml"  # says how copies vary


class Photographs:
    """Photographs of one split and a varied copy of each, whole and cropped to the lesion."""

    def __init__(self, data: Path, split: str, embedder: TrainedEmbedder) -> None:
        side = embedder.card["image_size"]
        examples = [e for e in load_cohorts(SETS, data) if e.split == split]
        scans = [read_scan(e.path) for e in examples]
        self.whole = torch.cat([as_judged([s.array], s.window, side, 3) for s in scans])
        self.boxes = [self._box(scan, side) for scan in scans]
        self.diagnoses = np.array([str(e.findings) for e in examples])
        self.patients = np.array([e.patient for e in examples])
        draw = torch.Generator().manual_seed(0)
        self.copies = degrade(vary(self.whole, read_recipe(RECIPE).data, draw), draw).clamp(-1, 1)
        self.side = side

    @staticmethod
    def _box(scan: Scan, side: int) -> tuple[slice, slice]:
        region = auto_region(scan, "skin", ("melanoma",)).region
        mask = np.ones((side, side), np.float32)
        if region is not None:
            mask = resize(region.array[None].astype(np.float32), (side, side))[0]
        return region_box(mask)

    def crops(self, images: torch.Tensor) -> torch.Tensor:
        """The boxes of the photographs, at full size."""
        parts = []
        for image, (rows, columns) in zip(images.numpy(), self.boxes, strict=True):
            parts.append(resize(image[:, rows, columns], (self.side, self.side)))
        return torch.from_numpy(np.stack(parts))

    def pasted(self) -> torch.Tensor:
        """Each photograph with the lesion of another one of the same diagnosis."""
        images, draw = self.whole.clone(), np.random.default_rng(0)
        for i, (rows, columns) in enumerate(self.boxes):
            others = np.flatnonzero(self.diagnoses == self.diagnoses[i])
            other = int(draw.choice(others[others != i])) if len(others) > 1 else i
            lesion = self.whole[other][(slice(None), *self.boxes[other])].numpy()
            space = (rows.stop - rows.start, columns.stop - columns.start)
            images[i][:, rows, columns] = torch.from_numpy(resize(lesion, space))
        return images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--finish", type=Path, help="also write the model with its figures")
    options = parser.parse_args()
    torch.set_num_threads(1)
    embedder = load_embedder(options.model)
    sides = {split: Photographs(options.data, split, embedder) for split in ("val", "test")}
    thresholds = {}
    for kind, see in ways(sides["val"]).items():
        values, pairs, _ = alike(embedder, sides["val"], see)
        thresholds[kind] = equal_error_threshold(values, pairs.genuine)
    figures: dict[str, object] = {"thresholds": thresholds}
    test, pasted = sides["test"], sides["test"].pasted()
    for kind, see in ways(test).items():
        values, pairs, people = alike(embedder, test, see)
        genuine = pairs.genuine
        found = verification(values, pairs, people, draws=200)
        same = embedder(see(test.whole)), embedder(see(pasted))
        figures[kind] = {
            "auroc": [round(x, 4) for x in (found.auroc.value, found.auroc.low, found.auroc.high)],
            "genuine": found.genuine,
            "impostors": found.impostors,
            "genuine pairs that pass": share(values[genuine], thresholds[kind]),
            "impostors that pass": share(values[~genuine], thresholds[kind]),
            "another lesion pasted in passes": share((same[0] * same[1]).sum(1), thresholds[kind]),
        }
    options.out.mkdir(parents=True, exist_ok=True)
    write_figures(figures, options.out / "figures.json")
    if options.finish is not None:
        card = {**embedder.card, "thresholds": thresholds, "test, skin": figures}
        save_embedder(embedder.network, options.finish, card)


def ways(photographs: Photographs) -> dict[str, Callable[[torch.Tensor], torch.Tensor]]:
    return {"whole": lambda images: images, "region": photographs.crops}


def alike(
    embedder: TrainedEmbedder,
    photographs: Photographs,
    see: Callable[[torch.Tensor], torch.Tensor],
) -> tuple[np.ndarray, Pairs, np.ndarray]:
    """Cosines of photographs with copies, own and others' of the same diagnosis."""
    vectors = np.concatenate([embedder(see(x)) for x in (photographs.whole, photographs.copies)])
    people = np.tile(photographs.patients, 2)
    pairs = pairs_of(people, np.tile(photographs.diagnoses, 2))
    values = (vectors[pairs.first] * vectors[pairs.second]).sum(axis=1)
    return values, pairs, people


def share(values: np.ndarray, threshold: float) -> float:
    return round(float((values >= threshold).mean()), 3)


if __name__ == "__main__":
    main()
