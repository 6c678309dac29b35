"""Measure a trained model on held-out images and write what was seen into its card.

    python benchmarks/model_card.py --domain skin --data FOLDER --model MODEL_FOLDER
        --autoencoder work/colour-mini/autoencoder --diffusion work/colour-mini/skin
        --judge work/classifiers/skin-judge/model.safetensors --out FOLDER

Adds held-out curves and the fidelity of the codec on `val`. Of 64 samples from noise for each of
two findings, the disease that the benchmarks ask for and the reference, both from the same noise:
balanced accuracy and AUROC of the judge, which was trained on other patients, beside its own on
real `test` images; KID on the judge's features against real `val` images, beside real `train`
against `val`. Text check: the denoising error of real `val` images that the model's recipe captions
as healthy, or with the target, under that prompt alone, beside the other's, with the same noise.
Writes a sheet of the samples of each finding. `benchmarks/memorisation.py --card` adds the check
for copies.
"""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from domains import DOMAINS, Domain
from films import as_judged, write_figures
from PIL import Image

import sequela
from sequela.checkpoints import Classifier, load_classifier
from sequela.cohorts import Example
from sequela.conditioning import vocabulary_of
from sequela.diffusion import Backbone, NoiseSource, solver_named
from sequela.evaluation.theory import denoising_errors
from sequela.imaging import channels_last, resize
from sequela.metrics import auroc, mean_estimate
from sequela.metrics.kid import kid
from sequela.metrics.similarity import psnr, ssim
from sequela.render import contact_sheet
from sequela.render.figures import marked
from sequela.simulators.editing import Guide
from sequela.training import read_recipe
from sequela.training.data import load_images
from sequela.training.exudates import with_exudates

RECIPES = Path(__file__).parents[1] / "recipes"
SAMPLES = 64
DEPTHS = (100, 300, 500, 700)  # timesteps at which the denoising error is asked for


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--domain", choices=DOMAINS, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder with its card.json")
    parser.add_argument("--autoencoder", type=Path, help="none where the recipe fits a codec")
    parser.add_argument("--diffusion", type=Path, required=True)
    parser.add_argument("--judge", type=Path, help="of the domain; none where none can be trusted")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--guidance-scale", type=float, default=3.0)
    parser.add_argument("--example", type=Path, help="also write a sample as example patient")
    parser.add_argument("--example-index", type=int, default=0)
    options = parser.parse_args()

    domain = DOMAINS[options.domain]
    backbone = sequela.load(model=str(options.model)).backbone
    judge = load_classifier(options.judge) if options.judge else None
    words = vocabulary_of(domain.name)
    names = {"healthy": words.reference, "ill": domain.target}
    drawn = {
        kind: samples(backbone, SAMPLES, words.prompt([name]), options.guidance_scale)
        for kind, name in names.items()
    }
    options.out.mkdir(parents=True, exist_ok=True)
    for kind, images in drawn.items():
        numbers = [str(i) for i in range(len(images))]
        contact_sheet([shown(x) for x in images], numbers, options.out / f"{kind}.png", columns=16)
    if options.example is not None:
        write_example(drawn["healthy"][options.example_index], options.example)

    path = options.model / "card.json"
    card = json.loads(path.read_text())
    card["training"] = {
        name: curves(folder / "held_out.csv")
        for name, folder in (("autoencoder", options.autoencoder), ("diffusion", options.diffusion))
        if folder is not None
    }
    targets = judge.card["targets"][0].split("|") if judge else [domain.target]
    real = {
        split: real_images(domain, options.data, split, set(targets), backbone)
        for split in ("train", "val", "test")
    }
    card["held_out"] = {
        "codec on val": fidelity(backbone, np.concatenate(list(real["val"].values()))),
        **(judged(judge, drawn, real, options.guidance_scale) if judge else {}),
        "denoising error, other caption minus own": told(
            {
                kind: text_gains(backbone, images, words, names, kind)
                for kind, images in captioned(domain, options.data).items()
            }
        ),
    }
    path.write_text(json.dumps(card, indent=2) + "\n")
    write_figures(card["held_out"], options.out / "figures.json")


def judged(
    judge: Classifier,
    drawn: dict[str, np.ndarray],
    real: dict[str, dict[str, np.ndarray]],
    guidance_scale: float,
) -> dict[str, Any]:
    """What a judge of other patients says of the samples, and of real images."""
    return {
        "judge": judge.card["name"],
        "samples a finding": SAMPLES,
        "guidance scale": guidance_scale,
        "balanced accuracy, samples": balanced_accuracy(judge, drawn),
        "balanced accuracy, real test images": balanced_accuracy(judge, real["test"]),
        "AUROC, samples": area(judge, drawn),
        "AUROC, real test images": area(judge, real["test"]),
        "KID": {kind: distances(judge, drawn[kind], real, kind) for kind in drawn},
    }


def real_images(
    domain: Domain, data: Path, split: str, targets: set[str], backbone: Backbone
) -> dict[str, np.ndarray]:
    """Images of a split, healthy or with one of the targets, as models see them."""

    def of(kind: str) -> list[Example]:
        return [
            e
            for e in domain.examples(data)
            if e.split == split
            and e.findings is not None
            and (bool(targets & set(e.findings)) if kind == "ill" else not e.findings)
        ]

    # resizing overshoots
    return {kind: np.clip(as_read(of(kind), backbone), -1, 1) for kind in ("healthy", "ill")}


def captioned(domain: Domain, data: Path) -> dict[str, np.ndarray]:
    """Images of `val` that the recipe of the model captions as healthy, or with the target."""
    settings = read_recipe(RECIPES / f"{domain.model}.toml").data
    examples = domain.examples(data)
    val = load_images(examples, "val", settings)
    if settings.tells_exudates:
        _, val = with_exudates(load_images(examples, "train", settings), val, settings)
    images = torch.cat(list(val.parts(64)))
    chosen = {
        "healthy": [found == () for found in val.findings],
        "ill": [domain.target in (found or ()) for found in val.findings],
    }
    return {kind: images[torch.tensor(mask)].clamp(-1, 1).numpy() for kind, mask in chosen.items()}


def as_read(examples: list[Example], backbone: Backbone) -> np.ndarray:
    """Images as the model sees them, `[N, C, S, S]` in about [-1, 1]."""
    size, channels = backbone.image_size, backbone.image_channels
    scans = [sequela.read(e.path) for e in examples]
    return torch.cat([as_judged([s.array], s.window, size, channels) for s in scans]).numpy()


@torch.inference_mode()
def samples(backbone: Backbone, count: int, prompt: str, guidance_scale: float = 3.0) -> np.ndarray:
    """Images drawn from pure noise, `[N, C, S, S]` in about [-1, 1]."""
    noise = NoiseSource(0)
    side = backbone.image_size
    shape = backbone.encode(torch.zeros(1, backbone.image_channels, side, side)).mean.shape[1:]
    noisy = torch.stack([noise.normal(shape, sample=i, step=0, draw=0) for i in range(count)]).to(
        backbone.device
    )
    guide = Guide(embedding=backbone.embed(["", prompt]), weights=(1.0,), masks=(None,))
    solver = solver_named("ddim")
    timesteps = solver.timesteps(backbone.schedule, 25, 1.0)
    stepper = solver.start(backbone.schedule, timesteps)
    for index, timestep in enumerate(timesteps):
        output = guide.predict(backbone, noisy, timestep, guidance_scale=guidance_scale)
        noisy = stepper.step(output, noisy, index)
    return torch.cat([backbone.decode(z) for z in noisy.split(8)]).clamp(-1, 1).cpu().numpy()


def balanced_accuracy(judge: Classifier, images: dict[str, np.ndarray]) -> float:
    """Mean share of ill images called ill and of healthy ones called healthy, at even odds."""
    called = {kind: judge.probability(torch.from_numpy(x)) > 0.5 for kind, x in images.items()}
    return round(float((called["ill"].mean() + (~called["healthy"]).mean()) / 2), 3)


def area(judge: Classifier, images: dict[str, np.ndarray]) -> float:
    """How often an ill image has the higher probability of a pair, whatever the odds."""
    scores = {kind: judge.probability(torch.from_numpy(x)) for kind, x in images.items()}
    is_ill = np.concatenate([np.full(len(scores[k]), k == "ill") for k in scores])
    return round(float(auroc(np.concatenate(list(scores.values())), is_ill)), 3)


def distances(
    judge: Classifier, made: np.ndarray, real: dict[str, dict[str, np.ndarray]], kind: str
) -> dict[str, float]:
    """KID of samples and of real training images, both against real `val` images of the kind."""
    seen = {
        name: judge.features(torch.from_numpy(images))
        for name, images in (
            ("samples", made),
            ("real train", real["train"][kind]),
            ("val", real["val"][kind]),
        )
    }
    size = min(map(len, seen.values()))
    return {
        name: round(
            kid(seen[name], seen["val"], features=judge.card["name"], subset_size=size).value, 4
        )
        for name in ("samples", "real train")
    }


@torch.inference_mode()
def text_gains(
    backbone: Backbone, images: np.ndarray, words: Any, names: dict[str, str], kind: str
) -> list[float]:
    """How much worse each image's noise is told under the other caption, % of the error."""
    other = "ill" if kind == "healthy" else "healthy"
    texts = [words.prompt([names[name]]) for name in (kind, other)]
    gains = []
    for i, image in enumerate(torch.from_numpy(images).split(1)):
        clean = backbone.encode(image).mean
        own, others = denoising_errors(backbone, clean, texts, depths=DEPTHS, seed=1, sample=i)
        gains.append(100 * float(others[0] / own[0] - 1))
    return gains


def told(gains: dict[str, list[float]]) -> dict[str, str]:
    """Means with intervals, of each kind and of all images."""
    rows = {}
    for name, values in {**gains, "all": [g for part in gains.values() for g in part]}.items():
        found = mean_estimate(np.array(values), np.arange(len(values)))
        rows[name] = f"{found.value:+.2f} % [{found.low:+.2f}, {found.high:+.2f}]"
    return rows


def fidelity(backbone: Backbone, images: np.ndarray) -> dict[str, float]:
    """Peak signal-to-noise ratio (dB) and SSIM of the codec's round trip, means over images."""
    with torch.inference_mode():
        parts = torch.from_numpy(images).float().split(16)
        restored = torch.cat([backbone.decode(backbone.encode(x).mean) for x in parts])
    decibels, likeness = similarities(images, restored.clamp(-1, 1).numpy())
    return {
        "images": len(images),
        "PSNR, dB": round(float(np.mean(decibels)), 2),
        "SSIM": round(float(np.mean(likeness)), 4),
    }


def similarities(images: np.ndarray, restored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """PSNR (dB) and SSIM of each image in [-1, 1] and what a codec made of it."""
    # SSIM compares mean light, which must not be negative
    pairs = list(zip(images + 1, restored + 1, strict=True))
    decibels = [psnr(a, b, data_range=2.0) for a, b in pairs]
    return np.array(decibels), np.array([ssim(a, b, data_range=2.0) for a, b in pairs])


def curves(table: Path) -> list[dict[str, float]]:
    """The held-out figures by training step."""
    with table.open(newline="") as stream:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(stream)]


def write_example(sample: np.ndarray, path: Path) -> None:
    """A sample as an 8-bit film of 512 px; it holds no more detail than its 128 px."""
    large = resize(sample.astype(np.float32), (512, 512))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(shown(large)).save(path, pnginfo=marked())


def shown(image: np.ndarray) -> np.ndarray:
    """Model range to 8 bit, channels last."""
    return channels_last(np.clip((image + 1) * 127.5, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    main()
