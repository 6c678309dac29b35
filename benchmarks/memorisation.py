"""Does a model paint its training images? Nearest neighbours in pixels and in an embedding.

    python benchmarks/memorisation.py --data FOLDER --domain chest --model MODEL_FOLDER
        --embedder work/identity/chest-identity.safetensors --out FOLDER

Measured are samples drawn from noise and every state of trajectories that start from `test` images
without finding, and, if given, the example that is shipped. The measure is what `test` images, of
people the model never saw, keep as distance from the training images: a generated image is
suspected where it lies nearer than 5 % of them, and an example that is nearer must not be shipped.
Writes `memorisation.json` with one number a kind (the share that is suspected; about .05 where
nothing is copied), `memorisation_*.png` (share below each distance) and sheets of the nearest
pairs. `--card` puts the figures into the model's card.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from curves_figure import cumulative_figure
from domains import DOMAINS, Domain
from films import as_judged, write_figures
from model_card import as_read, samples, shown

import sequela
from sequela.checkpoints import TrainedEmbedder, load_embedder
from sequela.cohorts import Example, load_cohorts
from sequela.conditioning import auto_region, vocabulary_of
from sequela.imaging import Fit
from sequela.metrics import nearest
from sequela.metrics.memorisation import Memorisation, Nearest, memorisation, nearest_vectors
from sequela.render import contact_sheet
from sequela.training.data import learner_of

Kinds = dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--domain", choices=DOMAINS, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder with its card.json")
    parser.add_argument("--embedder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--example", type=Path, help="an image that is to be shipped")
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--trajectories", type=int, default=36)
    parser.add_argument("--card", action="store_true", help="put the figures into card.json")
    options = parser.parse_args()

    domain = DOMAINS[options.domain]
    editor = sequela.load(model=str(options.model))
    card = json.loads((options.model / "card.json").read_text())
    examples = load_cohorts(tuple(card["data"]["sets"]), options.data)
    train = as_read(learned_from(examples, card), editor.backbone)
    held_out = as_read([e for e in examples if e.split == "test"], editor.backbone)
    words = vocabulary_of(domain.name)
    made: Kinds = {
        "samples": samples(editor.backbone, options.samples, words.prompt([words.reference])),
        "states": states(editor, domain, options.data, options.trajectories),
    }
    if options.example is not None:
        scan = sequela.read(options.example)
        size, channels = editor.backbone.image_size, editor.backbone.image_channels
        made["example"] = as_judged([scan.array], scan.window, size, channels).numpy()
    embedder = load_embedder(options.embedder)
    found = {
        "pixels": against(train, held_out, made, None),
        "embedding": against(train, held_out, made, embedder),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    figures = {name: told(*values) for name, values in found.items()}
    figures["measure"] = (
        f"share nearer to a training image than 5 % of {len(held_out)} held-out images are, of "
        f"{len(train)} training images; embedding: {embedder.card['name']}"
    )
    for name, (near, _) in found.items():
        draw(name, near, options.out)
        sheet(made["samples"], train, near["samples"], options.out / f"nearest_{name}.png")
    write_figures(figures, options.out / "memorisation.json")
    if options.card:
        path = options.model / "card.json"
        path.write_text(json.dumps({**card, "memorisation": figures}, indent=2) + "\n")


def learned_from(examples: list[Example], card: dict[str, Any]) -> list[Example]:
    """The training images that the card counts: all, or without the patients kept for judges."""
    train = [e for e in examples if e.split == "train"]
    kept = [e for e in train if learner_of(e.patient) == "generator"]
    count = card["data"]["training_images"]
    for chosen in (train, kept):
        if len(chosen) == count:
            return chosen
    raise SystemExit(
        f"the card tells {count} training images, the sets {len(train)} or {len(kept)}"
    )


def states(
    editor: "sequela.doors.ProgressiveEditor", domain: Domain, data: Path, count: int
) -> np.ndarray:
    """The decoded states of trajectories from test images towards the disease, without state 0."""
    images = []
    for example in domain.baselines(data, count):
        scan = sequela.read(example.path)
        region = auto_region(scan, domain.name, (domain.target,)).region
        latents = editor.latents(scan, condition=domain.target, region=region)
        decoded = torch.cat([editor.backbone.decode(z) for z in latents[1:].split(4)])
        images.append(decoded.cpu().numpy())
    return np.concatenate(images)


def against(
    train: np.ndarray, held_out: np.ndarray, made: Kinds, embedder: TrainedEmbedder | None
) -> tuple[dict[str, Nearest], dict[str, Memorisation]]:
    """The nearest training image of each image, and how generated ones compare with real ones."""
    if embedder is None:
        near = {name: nearest(x, train) for name, x in {"held out": held_out, **made}.items()}
    else:
        seen = seen_by(embedder, train)
        near = {
            name: nearest_vectors(seen_by(embedder, x), seen)
            for name, x in {"held out": held_out, **made}.items()
        }
    return near, {name: memorisation(near[name], near["held out"]) for name in made}


def seen_by(embedder: TrainedEmbedder, images: np.ndarray) -> np.ndarray:
    """Vectors of images of another size."""
    size = embedder.card["image_size"]
    fit = Fit.of(images.shape[2:], size)
    squares = [fit.forward(np.clip(x, -1, 1).astype(np.float32)) for x in images]
    return embedder(torch.from_numpy(np.stack(squares)))


def told(near: dict[str, Nearest], held: dict[str, Memorisation]) -> dict[str, object]:
    """Plain numbers for the card."""
    first = next(iter(held.values()))
    rows: dict[str, object] = {
        "limit": round(first.limit, 4),
        "held out, median distance": round(float(np.median(near["held out"].distance)), 4),
    }
    for name, value in held.items():
        rows[name] = {
            "images": len(value.nearer),
            "suspected": round(value.share, 4),
            "median distance over held out's": round(value.margin, 3),
            "smallest distance": round(float(near[name].distance.min()), 4),
        }
    return rows


def draw(name: str, near: dict[str, Nearest], folder: Path) -> None:
    distances = {kind: values.distance.tolist() for kind, values in near.items()}
    limit = float(np.percentile(near["held out"].distance, 5))
    path = folder / f"memorisation_{name}.png"
    cumulative_figure(
        distances, path, across=f"distance to the nearest training image, {name}", limit=limit
    )


def sheet(made: np.ndarray, train: np.ndarray, near: Nearest, path: Path) -> None:
    """The eight generated images that come nearest, each beside the training image it is near."""
    order = np.argsort(near.distance)[:8]
    rows = [x for i in order for x in (made[i], train[near.index[i]])]
    labels = [text for i in order for text in (f"{near.distance[i]:.3f}", "training")]
    contact_sheet([shown(x) for x in rows], labels, path, columns=8)


if __name__ == "__main__":
    main()
