"""Is it the same mole, the same eye? `recipes/colour-identity.toml`, whole image and region.

    python benchmarks/identity_colour.py --data DIR --model work/identity/colour/model.safetensors
        --domain skin --out work/identity/skin --finish FILE
    python benchmarks/identity_colour.py --data DIR --domain fundus --out work/identity/fundus
        --model src/sequela/assets/models/colour-identity/model.safetensors

Nothing in these sets was photographed twice. A genuine pair is one photograph and a varied copy
of it (turned, moved, re-lit, re-encoded); impostors are two lesions of one diagnosis, or two eyes
under one camera. That is an easy task and no evidence of recognition at another visit; it says
what an edit must not do. Both are asked of the whole image and of the crop around the region, which
`auto_region` finds on the photograph and takes over to the copy. Thresholds are the model's own or,
with `--finish`, set on `val` where both errors are equal, and kept in the file written; all is told
on `test`, with a third row: another one's region pasted in.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from domains import DOMAINS
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

RECIPE = Path(__file__).parents[1] / "recipes/colour-identity.toml"  # says how copies vary


class Photographs:
    """Photographs of one split and a varied copy of each, whole and cropped to the region."""

    def __init__(self, data: Path, split: str, domain: str, embedder: TrainedEmbedder) -> None:
        side = embedder.card["image_size"]
        examples = [e for e in load_cohorts(DOMAINS[domain].sets, data) if e.split == split]
        scans = [read_scan(e.path) for e in examples]
        self.whole = torch.cat([as_judged([s.array], s.window, side, 3) for s in scans])
        self.boxes = [self._box(scan, side, domain) for scan in scans]
        # impostors are alike in this; two eyes of one patient are two eyes
        self.groups = np.array([str(e.findings) if domain == "skin" else e.view for e in examples])
        self.patients = np.array([e.patient for e in examples])
        self.owners = np.array([e.patient if domain == "skin" else e.path.name for e in examples])
        draw = torch.Generator().manual_seed(0)
        self.copies = degrade(vary(self.whole, read_recipe(RECIPE).data, draw), draw).clamp(-1, 1)
        self.side = side

    @staticmethod
    def _box(scan: Scan, side: int, domain: str) -> tuple[slice, slice]:
        region = auto_region(scan, domain, (DOMAINS[domain].target,)).region
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
        """Each photograph with the region of another one of its group."""
        images, draw = self.whole.clone(), np.random.default_rng(0)
        for i, (rows, columns) in enumerate(self.boxes):
            others = np.flatnonzero(self.groups == self.groups[i])
            other = int(draw.choice(others[others != i])) if len(others) > 1 else i
            lesion = self.whole[other][(slice(None), *self.boxes[other])].numpy()
            space = (rows.stop - rows.start, columns.stop - columns.start)
            images[i][:, rows, columns] = torch.from_numpy(resize(lesion, space))
        return images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--domain", choices=("skin", "fundus"), required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--finish", type=Path, help="also write the model with its figures")
    options = parser.parse_args()
    torch.set_num_threads(1)
    embedder = load_embedder(options.model)
    thresholds = embedder.card["thresholds"]
    if options.finish is not None:
        thresholds = {}
        held_out = Photographs(options.data, "val", options.domain, embedder)
        for kind, see in ways(held_out).items():
            values, pairs = alike(embedder, held_out, see)
            thresholds[kind] = equal_error_threshold(values, pairs.genuine)
    figures: dict[str, object] = {"thresholds": thresholds}
    test = Photographs(options.data, "test", options.domain, embedder)
    pasted = test.pasted()
    for kind, see in ways(test).items():
        values, pairs = alike(embedder, test, see)
        genuine = pairs.genuine
        found = verification(values, pairs, np.tile(test.patients, 2), draws=200)
        same = embedder(see(test.whole)), embedder(see(pasted))
        figures[kind] = {
            "auroc": [round(x, 4) for x in (found.auroc.value, found.auroc.low, found.auroc.high)],
            "genuine": found.genuine,
            "impostors": found.impostors,
            "genuine pairs that pass": share(values[genuine], thresholds[kind]),
            "impostors that pass": share(values[~genuine], thresholds[kind]),
            "another region pasted in passes": share((same[0] * same[1]).sum(1), thresholds[kind]),
        }
    options.out.mkdir(parents=True, exist_ok=True)
    write_figures(figures, options.out / "figures.json")
    if options.finish is not None:
        card = {**embedder.card, "thresholds": thresholds, f"test, {options.domain}": figures}
        save_embedder(embedder.network, options.finish, card)


def ways(photographs: Photographs) -> dict[str, Callable[[torch.Tensor], torch.Tensor]]:
    return {"whole": lambda images: images, "region": photographs.crops}


def alike(
    embedder: TrainedEmbedder,
    photographs: Photographs,
    see: Callable[[torch.Tensor], torch.Tensor],
) -> tuple[np.ndarray, Pairs]:
    """Cosines of photographs with copies, own and others' of the same group."""
    vectors = np.concatenate([embedder(see(x)) for x in (photographs.whole, photographs.copies)])
    pairs = pairs_of(np.tile(photographs.owners, 2), np.tile(photographs.groups, 2))
    return (vectors[pairs.first] * vectors[pairs.second]).sum(axis=1), pairs


def share(values: np.ndarray, threshold: float) -> float:
    return round(float((values >= threshold).mean()), 3)


if __name__ == "__main__":
    main()
