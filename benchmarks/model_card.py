"""Measure a trained model on held-out images, check it for copies, and write its card.

    python benchmarks/model_card.py --domain chest --data FOLDER --out MODEL_FOLDER
        --autoencoder work/chest-mini/autoencoder --diffusion work/chest-mini/diffusion --sheet FILE

Adds to `card.json` in the model folder: held-out curves, the fidelity of the codec on `test`,
and the memorisation check: the nearest training film of 64 samples from noise, and of the states of
test images without finding edited towards the disease, against that of real test images.
"""

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import torch
from domains import DOMAINS, Domain
from films import as_judged
from PIL import Image

import sequela
from sequela.cohorts import Example, load_cohorts
from sequela.conditioning import auto_region, vocabulary_of
from sequela.diffusion import Backbone, NoiseSource, solver_named
from sequela.imaging import channels_last, resize
from sequela.metrics import nearest
from sequela.render import contact_sheet
from sequela.render.figures import marked
from sequela.simulators.editing import Guide

SAMPLES = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--domain", choices=DOMAINS, required=True)
    parser.add_argument("--autoencoder", type=Path, required=True)
    parser.add_argument("--diffusion", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sheet", type=Path, required=True)
    parser.add_argument("--example", type=Path, help="also write a sample as example patient")
    parser.add_argument("--example-index", type=int, default=0)
    options = parser.parse_args()

    domain = DOMAINS[options.domain]
    path = options.out / "card.json"
    card = json.loads(path.read_text())
    editor = sequela.load(model=str(options.out))
    examples = load_cohorts(tuple(card["data"]["sets"]), options.data)
    train = films(examples, "train", editor.backbone)
    test = films(examples, "test", editor.backbone)
    reference = vocabulary_of(domain.name).prompt([vocabulary_of(domain.name).reference])
    drawn = samples(editor.backbone, SAMPLES, reference)
    edited = last_states(editor, domain, options.data)
    found = {"samples": drawn, "edited test images": edited, "real test images": test}
    near = {name: nearest(images, train) for name, images in found.items()}
    order = np.argsort(-near["samples"].similarity)[:8]
    rows = [x for i in order for x in (drawn[i], train[near["samples"].index[i]])]
    contact_sheet([shown(x) for x in rows], ["sample", "nearest"] * 8, options.sheet, columns=8)

    every = [shown(x) for x in drawn]
    names = [f"{i}: {c:.2f}" for i, c in enumerate(near["samples"].similarity)]
    contact_sheet(every, names, options.sheet.with_stem("samples"), columns=16)
    if options.example is not None:
        write_example(drawn[options.example_index], options.example)

    card["training"] = {
        name: curves(folder / "held_out.csv")
        for name, folder in (("autoencoder", options.autoencoder), ("diffusion", options.diffusion))
    }
    card["held_out"] = {"codec_psnr_db_test": fidelity(editor.backbone, test)}
    card["memorisation"] = {
        "measure": "Pearson correlation with the nearest of the training images, 128 px",
        **{name: quantiles(values.similarity) for name, values in near.items()},
    }
    path.write_text(json.dumps(card, indent=2) + "\n")
    print(json.dumps({k: card[k] for k in ("held_out", "memorisation")}, indent=2))


def write_example(sample: np.ndarray, path: Path) -> None:
    """A sample as an 8-bit film of 512 px; it holds no more detail than its 128 px."""
    large = resize(sample.astype(np.float32), (512, 512))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(shown(large)).save(path, pnginfo=marked())


def films(examples: list[Example], split: str, backbone: Backbone) -> np.ndarray:
    """All images of a split as the model sees them, `[N, C, S, S]` in [-1, 1]."""
    size, channels = backbone.image_size, backbone.image_channels
    scans = [sequela.read(e.path) for e in examples if e.split == split]
    return np.concatenate([as_judged([s.array], s.window, size, channels).numpy() for s in scans])


@torch.inference_mode()
def samples(backbone: Backbone, count: int, prompt: str, guidance_scale: float = 3.0) -> np.ndarray:
    """Images drawn from pure noise, `[N, C, S, S]` in about [-1, 1]."""
    noise = NoiseSource(0)
    side = backbone.image_size // 4
    noisy = torch.stack(
        [noise.normal((4, side, side), sample=i, step=0, draw=0) for i in range(count)]
    ).to(backbone.device)
    embedding = backbone.embed(["", prompt])
    guide = Guide(embedding=embedding, weights=(1.0,), masks=(None,))
    solver = solver_named("ddim")
    timesteps = solver.timesteps(backbone.schedule, 25, 1.0)
    stepper = solver.start(backbone.schedule, timesteps)
    for index, timestep in enumerate(timesteps):
        output = guide.predict(backbone, noisy, timestep, guidance_scale=guidance_scale)
        noisy = stepper.step(output, noisy, index)
    return torch.cat([backbone.decode(z) for z in noisy.split(8)]).cpu().numpy()


def last_states(
    editor: "sequela.doors.ProgressiveEditor", domain: Domain, data: Path
) -> np.ndarray:
    """The decoded last states of test images without finding, edited towards the disease."""
    images = []
    for example in domain.baselines(data):
        scan = sequela.read(example.path)
        region = auto_region(scan, domain.name, (domain.target,)).region
        latents = editor.latents(scan, condition=domain.target, region=region)
        images.append(editor.backbone.decode(latents[-1:])[0].cpu().numpy())
    return np.stack(images)


@torch.inference_mode()
def fidelity(backbone: Backbone, images: np.ndarray) -> float:
    """Mean peak signal-to-noise ratio of the codec's round trip, dB."""
    batch = torch.from_numpy(images).float().to(backbone.device)
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
    """Model range to 8 bit, channels last."""
    return channels_last(np.clip((image + 1) * 127.5, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    main()
