"""What image codecs keep: trained autoencoders against principal components of patches.

    python benchmarks/codecs.py --data DIR --out FOLDER

The autoencoders are those of `chest-mini` and `skin-mini`; the latter learned from retinas too.

Each is fitted or was trained on the generator's patients of the domain and is measured on `val`:
PSNR and SSIM of the round trip, with intervals over images, and how long one takes, as a share of
the autoencoder's time in the same run. For retinas also how much brighter the brightest spots stay
than what surrounds them (`nn.lesion_filters.bright_spots`), which is how exudates look.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from domains import DOMAINS
from films import write_figures
from model_card import RECIPES, similarities

from sequela.backbones.patch_codec import fit_patch_codec
from sequela.backbones.weights import codec_class, load_component
from sequela.checkpoints import find_model
from sequela.metrics import mean_estimate
from sequela.nn.lesion_filters import bright_spots
from sequela.training import read_recipe
from sequela.training.data import load_images, read_examples

COMPONENTS = (4, 8)
REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    figures = {}
    for name, domain in DOMAINS.items():
        recipe = read_recipe(RECIPES / f"{domain.model}.toml").data
        examples = read_examples(recipe, options.data)
        train, val = (load_images(examples, split, recipe) for split in ("train", "val"))
        trained = find_model("skin-mini" if name == "fundus" else domain.model)
        vae = Path(trained) / "vae"
        codecs = {"autoencoder": load_component(codec_class(vae), vae, torch.float32)}
        for count in COMPONENTS:
            codecs[f"{count} components"] = fit_patch_codec(train.parts(256), latent_channels=count)
        images = torch.cat(list(val.parts(64))).clamp(-1, 1)
        shares = times(codecs, images[:16])
        for label, codec in codecs.items():
            figures[f"{name}, {label}"] = {
                **kept(codec, images, name == "fundus"),
                "time": shares[label],
            }
            print(name, label, figures[f"{name}, {label}"], flush=True)
    write_figures(figures, options.out / "figures.json")


@torch.inference_mode()
def restored(codec: Any, images: torch.Tensor) -> torch.Tensor:
    return codec.decode(codec.encode(images).latent_dist.mean).sample.clamp(-1, 1)


def kept(codec: Any, images: torch.Tensor, is_retina: bool) -> dict[str, str]:
    made = torch.cat([restored(codec, part) for part in images.split(16)])
    decibels, likeness = similarities(images.numpy(), made.numpy())
    figures = {"PSNR, dB": told(decibels, ".2f"), "SSIM": told(likeness, ".3f")}
    if is_retina:
        before, after = (bright_spots(x).numpy() for x in (images, made))
        is_bright = before > np.quantile(before, 0.9)
        figures["brightest tenth's spots"] = told(before[is_bright], ".2f")
        figures["kept of them"] = told(after[is_bright], ".2f")
    return figures


def told(values: np.ndarray, form: str) -> str:
    found = mean_estimate(values, np.arange(len(values)))
    return f"{found.value:{form}} [{found.low:{form}}, {found.high:{form}}]"


def times(codecs: dict[str, Any], images: torch.Tensor) -> dict[str, float]:
    """Least of some round trips of 16 images, in turns, as a share of the first codec's."""
    rounds: dict[str, list[float]] = {label: [] for label in codecs}
    for _ in range(REPEATS):
        for label, codec in codecs.items():
            begin = time.perf_counter()
            restored(codec, images)
            rounds[label].append(time.perf_counter() - begin)
    least = {label: min(found) for label, found in rounds.items()}
    first = next(iter(least.values()))
    return {label: round(found / first, 4) for label, found in least.items()}


if __name__ == "__main__":
    main()
