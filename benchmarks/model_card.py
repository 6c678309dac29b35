"""Measure a trained chest model on held-out films, check it for copies, and write its card.

    python benchmarks/model_card.py --data FOLDER --training work/chest-mini --out MODEL_FOLDER

Adds to `card.json` in the model folder: held-out curves, the fidelity of the codec on `test`,
and the memorisation check: the nearest training film of 64 samples from noise, and of the states of
healthy test films edited towards pneumonia, against the nearest training film of real test films.
"""

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import torch
from films import as_judged, healthy_test_films
from PIL import Image

import sequela
from sequela.cohorts import Example, load_cohorts
from sequela.conditioning import CHEST, auto_region
from sequela.diffusion import Backbone, NoiseSource, solver_named
from sequela.imaging import resize
from sequela.metrics import nearest
from sequela.render import contact_sheet
from sequela.render.figures import marked
from sequela.simulators.editing import Guide

SETS = ("cxr-nih", "cxr-time-open")
SAMPLES = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--training", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sheet", type=Path, required=True)
    parser.add_argument("--example", type=Path, help="also write a sample as example patient")
    parser.add_argument("--example-index", type=int, default=0)
    options = parser.parse_args()

    editor = sequela.load(model=str(options.out))
    examples = load_cohorts(SETS, options.data)
    train = films(examples, "train")
    test = films(examples, "test")
    drawn = samples(editor.backbone, SAMPLES)
    edited = last_states(editor, options.data)
    found = {"samples": drawn, "edited test films": edited, "real test films": test}
    near = {name: nearest(images, train) for name, images in found.items()}
    order = np.argsort(-near["samples"].correlation)[:8]
    rows = [x for i in order for x in (drawn[i], train[near["samples"].index[i]])]
    contact_sheet([shown(x) for x in rows], ["sample", "nearest"] * 8, options.sheet, columns=8)

    every = [shown(x) for x in drawn]
    names = [f"{i}: {c:.2f}" for i, c in enumerate(near["samples"].correlation)]
    contact_sheet(every, names, options.sheet.with_stem("samples"), columns=16)
    if options.example is not None:
        write_example(drawn[options.example_index], options.example)

    path = options.out / "card.json"
    card = json.loads(path.read_text())
    card["training"] = {
        name: curves(options.training / folder / "held_out.csv")
        for name, folder in (("autoencoder", "autoencoder"), ("diffusion", "diffusion"))
    }
    card["held_out"] = {"codec_psnr_db_test": fidelity(editor.backbone, test)}
    card["memorisation"] = {
        "measure": "Pearson correlation with the nearest of the training films, 128 px",
        **{name: quantiles(values.correlation) for name, values in near.items()},
    }
    path.write_text(json.dumps(card, indent=2) + "\n")
    print(json.dumps({k: card[k] for k in ("held_out", "memorisation")}, indent=2))


def write_example(sample: np.ndarray, path: Path) -> None:
    """A sample as an 8-bit film of 512 px; it holds no more detail than its 128 px."""
    large = resize(sample[None].astype(np.float32), (512, 512))[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(shown(large)).save(path, pnginfo=marked())


def films(examples: list[Example], split: str) -> np.ndarray:
    """All films of a split as the model sees them, `[N, 128, 128]` in [-1, 1]."""
    scans = [sequela.read(e.path) for e in examples if e.split == split]
    return np.concatenate([as_judged([s.array], s.window)[:, 0].numpy() for s in scans])


@torch.inference_mode()
def samples(
    backbone: Backbone, count: int, finding: str = "No Finding", guidance_scale: float = 3.0
) -> np.ndarray:
    """Images drawn from pure noise, `[N, S, S]` in about [-1, 1]."""
    noise = NoiseSource(0)
    side = backbone.image_size // 4
    noisy = torch.stack(
        [noise.normal((4, side, side), sample=i, step=0, draw=0) for i in range(count)]
    ).to(backbone.device)
    embedding = backbone.embed(["", CHEST.prompt([finding])])
    guide = Guide(embedding=embedding, weights=(1.0,), masks=(None,))
    solver = solver_named("ddim")
    timesteps = solver.timesteps(backbone.schedule, 25, 1.0)
    stepper = solver.start(backbone.schedule, timesteps)
    for index, timestep in enumerate(timesteps):
        output = guide.predict(backbone, noisy, timestep, guidance_scale=guidance_scale)
        noisy = stepper.step(output, noisy, index)
    return backbone.decode(noisy)[:, 0].cpu().numpy()


def last_states(editor: "sequela.doors.ProgressiveEditor", data: Path) -> np.ndarray:
    """The decoded last states of healthy test films edited towards pneumonia."""
    images = []
    for film in healthy_test_films(data):
        scan = sequela.read(film.path)
        region = auto_region(scan).region
        latents = editor.latents(scan, condition="Pneumonia", region=region)
        images.append(editor.backbone.decode(latents[-1:])[0, 0].cpu().numpy())
    return np.stack(images)


@torch.inference_mode()
def fidelity(backbone: Backbone, images: np.ndarray) -> float:
    """Mean peak signal-to-noise ratio of the codec's round trip, dB."""
    batch = torch.from_numpy(images)[:, None].float().to(backbone.device)
    restored = torch.cat([backbone.decode(backbone.encode(x).mean) for x in batch.split(16)])
    error = (restored.clamp(-1, 1) - batch).square().mean(dim=(1, 2, 3))
    return round(float((10 * torch.log10(4 / error)).mean()), 2)


def curves(table: Path) -> list[dict[str, float]]:
    """The held-out figures by training step."""
    with table.open(newline="") as stream:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(stream)]


def quantiles(values: np.ndarray) -> dict[str, float]:
    """Median, 95th percentile and maximum."""
    median, high = np.percentile(values, [50, 95])
    return {
        "images": len(values),
        "median": round(float(median), 3),
        "95th percentile": round(float(high), 3),
        "maximum": round(float(values.max()), 3),
    }


def shown(image: np.ndarray) -> np.ndarray:
    """Model range to 8 bit."""
    return np.asarray(np.clip((image + 1) * 127.5, 0, 255), dtype=np.uint8)


if __name__ == "__main__":
    main()
