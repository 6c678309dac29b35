"""Does the identity embedding know a patient again? ROC on held-out repeat visits.

    python benchmarks/identity.py --data FOLDER --model work/identity/chest/model.safetensors
        --out work/identity/figures

Genuine pairs are two films of one patient; impostors are films of two. Patients of `test` alone,
whom nothing was trained on; those of `val` set the thresholds. The films of an impostor pair may
differ in hospital, projection and sex, which gives them away without any knowledge of the person:
so impostors are also matched by data set and view, by sex and age, and (repeat films from one
publication look alike) by publication. Beside the embedding stand what needs none: the correlation
of the pixels, and the likeness of brightness, contrast, fine detail and file size. All films are
decoded and resized alike. Intervals are drawn by patient.

Last, the lungs of another patient of the same set and view are pasted into each film: how often
does the judge still say that it is the same person, by the whole film and by the region crop?
"""

import argparse
import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from curves_figure import roc_figure
from films import write_figures
from judges import fine_detail

from sequela.checkpoints import TrainedEmbedder, load_embedder, save_embedder
from sequela.conditioning import auto_region
from sequela.imaging import Fit, channels_first, resize, to_model_range
from sequela.io import read_scan
from sequela.metrics import pair_interval
from sequela.metrics.identity import (
    Pairs,
    Verification,
    equal_error_threshold,
    pairs_of,
    region_box,
    roc,
    verification,
)
from sequela.metrics.ranking import placed_auroc

DRAWS = 1000
SAME_FILM = 0.98  # correlation of the pixels from which on two files hold one film
AGE_YEARS = 10  # impostors of "sex and age" differ by less


@dataclass(frozen=True, kw_only=True, eq=False)
class Films:
    """Films of several patients as the embedding sees them, and what a table tells of each."""

    whole: torch.Tensor
    regions: torch.Tensor
    boxes: np.ndarray  # of the regions, on the grid of `whole`
    patients: np.ndarray
    rows: list[dict[str, str]]

    @cached_property
    def pixels(self) -> np.ndarray:
        """Vectors whose scalar product is the correlation of the pixels."""
        flat = self.whole.flatten(1).double().numpy()
        flat = flat - flat.mean(1, keepdims=True)
        return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True))

    @cached_property
    def pairs(self) -> Pairs:
        """All pairs but those of one film that the set holds twice."""
        pairs = pairs_of(self.patients)
        return pairs.where(
            (self.pixels[pairs.first] * self.pixels[pairs.second]).sum(1) < SAME_FILM
        )

    def told(self, name: str) -> np.ndarray:
        """A column of the table."""
        return np.array([row.get(name, "") for row in self.rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--finish", type=Path, help="also write the model with its figures")
    options = parser.parse_args()
    embedder = load_embedder(options.model)
    cache = options.out / "boxes.json"
    films = {side: read_films(options.data, side, embedder, cache) for side in ("test", "val")}
    thresholds = {
        kind: equal_error_threshold(*_matched(similarity(embedder(images), films["val"])))
        for kind, images in (("whole", films["val"].whole), ("region", films["val"].regions))
    }
    figures = {"test": measured(embedder, films["test"], thresholds)}
    options.out.mkdir(parents=True, exist_ok=True)
    curves = {
        kind: roc(*_matched(similarity(embedder(images), films["test"])))
        for kind, images in (("whole", films["test"].whole), ("region", films["test"].regions))
    }
    roc_figure(curves, options.out / "roc.png")
    write_figures({"thresholds": thresholds, **figures}, options.out / "figures.json")
    if options.finish is not None:
        rows = [r for r in figures["test"]["rows"] if r["judge"].startswith("embedding")]
        card = {**embedder.card, "thresholds": thresholds, "test": rows}
        save_embedder(embedder.network, options.finish, card)


def read_films(data: Path, side: str, embedder: TrainedEmbedder, cache: Path) -> Films:
    """All films of both sets on one side, also those that may only be evaluated on.

    Boxes of the lungs take two seconds a film, so they are kept in `cache`.
    """
    boxes = json.loads(cache.read_text()) if cache.exists() else {}
    rows: list[dict[str, str]] = []
    for name in ("cxr_nih", "cxr_time"):
        with (data / name / "labels.csv").open(newline="", encoding="utf-8") as stream:
            rows += [
                {**row, "set": name, "path": str(data / name / row["file"])}
                for row in csv.DictReader(stream)
                if row["split"] == side
            ]
    size = embedder.card["image_size"]
    whole, regions, places = [], [], []
    for number, row in enumerate(rows):
        if number % 20 == 0:
            print(side, number, "of", len(rows), flush=True)
        scan = read_scan(Path(row["path"]))
        shown = channels_first(to_model_range(scan.array, scan.window)).mean(0, keepdims=True)
        if scan.source.sha256 not in boxes:
            region = auto_region(scan, "chest", ("Pneumonia",)).region
            mask = np.ones(scan.plane, np.float32) if region is None else region.array
            boxes[scan.source.sha256] = [(s.start, s.stop) for s in region_box(mask)]
            cache.parent.mkdir(parents=True, exist_ok=True)
            cache.write_text(json.dumps(boxes))
        (top, bottom), (left, right) = boxes[scan.source.sha256]
        part = shown[:, top:bottom, left:right]
        fit = Fit.of(shown.shape[1:], size)
        start = np.array([fit.corner[0], fit.corner[0], fit.corner[1], fit.corner[1]])
        places.append(start + np.array([top, bottom, left, right]) / fit.scale)
        whole.append(Fit.of(shown.shape[1:], size).forward(shown))
        regions.append(Fit.of(part.shape[1:], size).forward(part))
        row["file size"] = str(Path(row["path"]).stat().st_size)
        row["kind"] = f"{row['set']} {'PA' if row['view'] == 'PA' else 'AP'}"
        row["publication"] = row["set"] + row["source"]
    return Films(
        whole=torch.from_numpy(np.stack(whole)),
        regions=torch.from_numpy(np.stack(regions)),
        boxes=np.rint(np.stack(places)).astype(int),
        patients=np.array([row.get("group") or row["patient_id"] for row in rows]),
        rows=rows,
    )


def similarity(vectors: np.ndarray, films: Films) -> tuple[np.ndarray, Pairs, Films]:
    """Cosine of all pairs."""
    pairs = films.pairs
    return (vectors[pairs.first] * vectors[pairs.second]).sum(axis=1), pairs, films


def _matched(found: tuple[np.ndarray, Pairs, Films]) -> tuple[np.ndarray, np.ndarray]:
    """Similarities, and which are genuine, with impostors of the same set and view only."""
    alike, pairs, films = found
    kept = pairs.genuine | same(films.told("kind"))(pairs)
    return alike[kept], pairs.genuine[kept]


def same(values: np.ndarray) -> Callable[[Pairs], np.ndarray]:
    return lambda pairs: values[pairs.first] == values[pairs.second]


def impostors(films: Films) -> dict[str, Callable[[Pairs], np.ndarray]]:
    """Which strangers a patient is compared with."""
    age = np.array([float(a) if a else np.nan for a in films.told("age")])
    kind, sex = same(films.told("kind")), same(films.told("sex"))

    def alike(pairs: Pairs) -> np.ndarray:
        return np.abs(age[pairs.first] - age[pairs.second]) < AGE_YEARS

    return {
        "any": lambda pairs: np.ones(len(pairs.first), bool),
        "same set and view": kind,
        "same set, view, sex, age": lambda p: kind(p) & sex(p) & alike(p),
        "same publication and view": lambda p: kind(p) & same(films.told("publication"))(p),
    }


def shortcuts(films: Films) -> dict[str, np.ndarray]:
    """What tells films apart without looking at the person; one vector a film."""
    flat = films.whole.flatten(1)
    single = {
        "brightness": flat.mean(1).double().numpy(),
        "contrast": flat.std(1).double().numpy(),
        "fine detail": fine_detail(films.whole),
        "file size": np.log(films.told("file size").astype(float)),
    }
    return {name: values / values.std() for name, values in single.items()}


def measured(
    embedder: TrainedEmbedder, films: Films, thresholds: dict[str, float]
) -> dict[str, object]:
    whole, pairs, _ = similarity(embedder(films.whole), films)
    judges = {
        "embedding, whole film": whole,
        "embedding, region crop": similarity(embedder(films.regions), films)[0],
        "correlation of pixels": similarity(films.pixels, films)[0],
    }
    features = shortcuts(films)
    for name, values in features.items():
        judges[f"likeness of {name}"] = -np.abs(values[pairs.first] - values[pairs.second])
    judges["all four likenesses"] = -sum(
        (v[pairs.first] - v[pairs.second]) ** 2 for v in features.values()
    )
    rows = []
    for kind, chosen in impostors(films).items():
        kept = pairs.genuine | chosen(pairs)
        for name, values in judges.items():
            chosen_pairs = pairs.where(kept)
            found = verification(values[kept], chosen_pairs, films.patients, draws=DRAWS)
            rows.append({"impostors": kind, "judge": name, **_row(found)})
    by_set = {
        name: _row(_within(judges["embedding, whole film"], pairs, films, name))
        for name in ("cxr_nih", "cxr_time")
    }
    apart = films.told("view")[pairs.first] != films.told("view")[pairs.second]
    return {
        "films": len(films.rows),
        "pairs of one film left out": len(pairs_of(films.patients).first) - len(pairs.first),
        "patients": len(set(films.patients)),
        "patients with repeat films": len(set(films.patients[pairs.first][pairs.genuine])),
        "rows": rows,
        "whole film, by set, same view": by_set,
        "genuine pairs of unlike view": int((pairs.genuine & apart).sum()),
        "gain over others (AUROC, same set and view)": {
            name: gain(judges["embedding, whole film"], judges[name], pairs, films)
            for name in ("correlation of pixels", "all four likenesses")
        },
        "judged the same with the lungs of another": swapped(embedder, films, thresholds),
        "share of genuine pairs judged the same, and of matched impostors": {
            kind: _accepted(judges[f"embedding, {name}"], pairs, films, thresholds[kind])
            for kind, name in (("whole", "whole film"), ("region", "region crop"))
        },
    }


def gain(one: np.ndarray, other: np.ndarray, pairs: Pairs, films: Films) -> dict[str, list[float]]:
    """AUROC minus AUROC on the same pairs, with its paired interval."""
    kept = pairs.genuine | same(films.told("kind"))(pairs)
    genuine = pairs.genuine[kept]
    places = [np.unique(x[kept], return_inverse=True)[1] for x in (one, other)]

    def difference(weights: np.ndarray) -> float:
        first, second = (placed_auroc(x, genuine, weights) for x in places)
        return first - second

    ends = pair_interval(
        difference,
        films.patients[pairs.first[kept]],
        films.patients[pairs.second[kept]],
        draws=DRAWS,
    )
    values = (difference(np.ones(len(genuine))), *ends)
    return {"gain and interval": [round(x, 3) for x in values]}


def swapped(
    embedder: TrainedEmbedder, films: Films, thresholds: dict[str, float]
) -> dict[str, float]:
    """Shares of films that pass for the same person after the lungs were replaced."""
    draw, kinds = np.random.default_rng(0), films.told("kind")
    whole, partners = films.whole.clone(), []
    for i, (top, bottom, left, right) in enumerate(films.boxes):
        others = np.flatnonzero((kinds == kinds[i]) & (films.patients != films.patients[i]))
        partners.append(int(draw.choice(others)))
        a, b, c, d = films.boxes[partners[-1]]
        lungs = films.whole[partners[-1]][:, a:b, c:d].numpy()
        space = (int(bottom - top), int(right - left))
        whole[i, :, top:bottom, left:right] = torch.from_numpy(resize(lungs, space))
    seen, regions = embedder(films.whole), embedder(films.regions)
    alike = {
        "whole": (seen * embedder(whole)).sum(1),
        "region": (regions * regions[partners]).sum(1),
    }
    return {k: round(float((v >= thresholds[k]).mean()), 3) for k, v in alike.items()}


def _within(values: np.ndarray, pairs: Pairs, films: Films, name: str) -> Verification:
    here = films.told("set") == name
    kept = here[pairs.first] & here[pairs.second]
    kept &= pairs.genuine | same(films.told("kind"))(pairs)
    return verification(values[kept], pairs.where(kept), films.patients)


def _accepted(values: np.ndarray, pairs: Pairs, films: Films, limit: float) -> list[float]:
    matched = same(films.told("kind"))(pairs) & ~pairs.genuine
    return [round(float((values[k] >= limit).mean()), 3) for k in (pairs.genuine, matched)]


def _row(found: Verification) -> dict[str, object]:
    ends = (found.auroc.value, found.auroc.low, found.auroc.high)
    return {
        "auroc": [round(x, 3) for x in ends],
        "patients": found.auroc.patients,
        "equal error": round(found.equal_error, 3),
        "accepted at 5 % false": round(found.accepted, 3),
        "genuine": found.genuine,
        "impostors counted": found.impostors,
    }


if __name__ == "__main__":
    main()
