"""Does fine-tuning the mask decoder on ten drawn masks help on images it has not seen?

    OMP_NUM_THREADS=1 python benchmarks/mask_decoder.py --out work/mask-decoder

No published weights are at hand, so a tiny SAM is trained first, whole, on drawn scenes in which
objects are told by their brightness. Then `sequela train`'s objective teaches its decoder alone, on
ten pairs, another kind: lesions with ragged borders that are told by their texture. Figures are of
three draws of ten pairs with 40 held-out images each, through the region `sam` as a user calls it;
each box is moved as a user's hand would. Beside them stand the box itself, filled, and what the
tiny SAM does untaught. This tells that the path works, not how good MedSAM is. Settings were chosen
on other draws. Below three minutes on one thread.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from films import interval, write_figures
from PIL import Image
from scipy import ndimage

from sequela.conditioning.regions.provider import Box, RegionRequest
from sequela.conditioning.regions.sam import segment_anything
from sequela.core import Scan, Source, Window
from sequela.render import contact_sheet
from sequela.training import read_recipe, run_recipe

SIDE = 64
PAIRS, HELD_OUT = 10, 40
JITTER = 0.08
RECIPE = """
name = "ten-pairs"
objective = "mask-decoder"
[data]
sets = ["pairs"]
rotation_degrees = 20
contrast = 0.1
mirror = true
[network]
model = "{model}"
held_out = "held-out"
variants = {variants}
[optimiser]
steps = {steps}
batch_size = 8
learning_rate = 1e-3
warmup_steps = 20
ema_decay = 0.97
[log]
evaluate_every = 1000
checkpoint_every = 1000
"""
FOREST = (46, 125, 50)
RUST = (198, 40, 40)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pretraining-steps", type=int, default=900)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--variants", type=int, default=8)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    options = parser.parse_args()
    torch.set_num_threads(1)

    base = options.out / "tiny-sam"
    if not (base / "model.safetensors").exists():
        pretrain(base, options.pretraining_steps)
    overlaps: dict[str, dict[str, np.ndarray]] = {}
    for seed in options.seeds:
        run = options.out / f"draw-{seed}"
        rng = np.random.default_rng(seed)
        taught, unseen = ([lesion(rng) for _ in range(n)] for n in (PAIRS, HELD_OUT))
        write_pairs(run / "data" / "pairs", taught)
        write_pairs(run / "data" / "held-out", unseen)
        recipe = run / "ten-pairs.toml"
        text = RECIPE.format(model=base, steps=options.steps, variants=options.variants)
        recipe.write_text(text)
        model = run_recipe(read_recipe(recipe), data=run / "data", out=run)
        boxes = [moved(box_of(truth), rng) for _, truth in unseen]
        found = {"filled box": [filled(box) for box in boxes]}
        for name, weights in (("untaught", base), ("taught", model)):
            pairs = zip(unseen, boxes, strict=True)
            found[name] = [drawn(image, box, weights) for (image, _), box in pairs]
        overlaps[f"draw {seed}"] = judged(found, unseen, run)
    told: dict[str, Any] = {name: differences(each) for name, each in overlaps.items()}
    each = overlaps.values()
    pooled = {name: np.concatenate([e[name] for e in each]) for name in overlaps[next(iter(told))]}
    told = {"all draws": differences(pooled), **told}
    write_figures({"dice, mean and 95 % interval": told}, options.out / "dice.json")


def judged(
    found: dict[str, list[np.ndarray]], unseen: list[tuple[np.ndarray, np.ndarray]], out: Path
) -> dict[str, np.ndarray]:
    """Dice of each image; the first eight are shown on a sheet."""
    overlaps = {
        name: np.array([dice(mask, truth) for mask, (_, truth) in zip(masks, unseen, strict=True)])
        for name, masks in found.items()
    }
    order = [(i, name) for i in range(8) for name in ("untaught", "taught")]
    shown = [outlined(*unseen[i], found[name][i]) for i, name in order]
    labels = [f"{name} {overlaps[name][i]:.2f}" for i, name in order]
    contact_sheet(shown, labels, out / "sheet.png", columns=4)
    return overlaps


def differences(overlaps: dict[str, np.ndarray]) -> dict[str, Any]:
    names = [str(i) for i in range(len(overlaps["taught"]))]
    told: dict[str, Any] = {name: interval(values, names) for name, values in overlaps.items()}
    for other in ("untaught", "filled box"):
        told[f"taught minus {other}"] = interval(overlaps["taught"] - overlaps[other], names)
    return {name: [round(x, 3) for x in values] for name, values in told.items()}


def drawn(image: np.ndarray, box: Box, model: Path) -> np.ndarray:
    scan = Scan(
        array=image,
        modality="photo",
        window=Window(low=0, high=255, origin="dtype"),
        source=Source(name="drawn.png", sha256=""),
    )
    request = RegionRequest(domain="skin", boxes=(box,), model=str(model))
    try:
        return segment_anything(scan, request).region.array > 0.5
    except ValueError:  # nothing found
        return np.zeros(image.shape, bool)


def pretrain(folder: Path, steps: int) -> None:
    """A tiny SAM that draws what differs from its surroundings in brightness."""
    from transformers import SamConfig, SamImageProcessorPil, SamModel, SamProcessor

    torch.manual_seed(0)
    width = 32
    config = SamConfig(
        vision_config={
            "hidden_size": 48,
            "output_channels": width,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "image_size": SIDE,
            "patch_size": 4,
            "window_size": 8,
            "global_attn_indexes": [2],
            "num_pos_feats": width // 2,
            "mlp_dim": 96,
            "initializer_range": 0.02,
        },
        prompt_encoder_config={
            "hidden_size": width,
            "image_size": SIDE,
            "patch_size": 4,
            "mask_input_channels": 4,
        },
        mask_decoder_config={
            "hidden_size": width,
            "mlp_dim": 64,
            "num_attention_heads": 4,
            "iou_head_hidden_dim": 32,
        },
    )
    network = SamModel(config)
    processor = SamProcessor(
        SamImageProcessorPil(size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE})
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, steps)
    rng = np.random.default_rng(0)
    for step in range(steps):
        scenes = [scene(rng) for _ in range(8)]
        boxes = [[[float(x) for x in moved(box_of(truth), rng)]] for _, truth in scenes]
        pictures = [np.repeat(image[..., None], 3, -1) for image, _ in scenes]
        made = processor(pictures, input_boxes=boxes, return_tensors="pt")
        made["input_boxes"] = made["input_boxes"].float()
        seen = {key: made[key] for key in ("pixel_values", "input_boxes")}
        answer = network(**seen, multimask_output=True)
        truth = torch.from_numpy(np.stack([t for _, t in scenes])).float()[:, None]
        target = F.interpolate(truth, size=answer.pred_masks.shape[-2:], mode="area")
        loss = lesson(answer.pred_masks[:, 0], answer.iou_scores[:, 0], target)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        if step % 100 == 0:
            print(f"pretraining {step}: loss {float(loss.detach()):.3f}", flush=True)
    network.save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "card.json").write_text(json.dumps({"licence": "as the code"}))


def lesson(logits: torch.Tensor, scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """SAM's own lesson: the best of several masks learns, and every score learns its overlap."""
    chance = torch.sigmoid(logits)
    both, either = (chance * target).sum((2, 3)), (chance + target).sum((2, 3))
    wanted = target.expand_as(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean((2, 3))
    each = 1 - (2 * both + 1) / (either + 1) + entropy
    overlap = (both / (either - both + 1e-6)).detach()
    return each.min(dim=1).values.mean() + (scores - overlap).square().mean()


def scene(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Ellipses lighter or darker than a softly shaded, grainy ground; the first is the object."""
    ground, grain = background(rng)
    masks = []
    for _ in range(rng.integers(1, 4)):
        mask = blob(rng, ragged=rng.uniform(0, 0.3))
        ground[mask] += rng.choice([-1, 1]) * rng.uniform(0.12, 0.35)
        masks.append(mask)
    truth = masks[-1]
    return as_bytes(ground + grain), truth


def lesion(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A lesion as bright as its surroundings, told by its coarse network; hairs lie across."""
    ground, grain = background(rng)
    truth = blob(rng, ragged=0.35)
    mesh = ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), rng.uniform(1.0, 1.5))
    soft = ndimage.gaussian_filter(truth.astype(float), 0.7)
    image = ground + grain + soft * 0.16 * mesh / mesh.std()
    for _ in range(rng.integers(0, 4)):
        hair(image, rng)
    return as_bytes(image), truth


def background(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    shade = ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 16, mode="wrap")
    ground = rng.uniform(0.35, 0.65) + 0.08 * shade / shade.std()
    return ground, rng.uniform(0.01, 0.05) * rng.standard_normal((SIDE, SIDE))


def blob(rng: np.random.Generator, *, ragged: float) -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE] - rng.uniform(22, 42, 2)[:, None, None]
    angle = np.arctan2(rows, columns)
    waves = sum(
        rng.normal(0, 1 / k) * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k in range(1, 6)
    )
    stretch = rng.uniform(0.7, 1.4)
    radius = np.hypot(rows * stretch, columns / stretch)
    return np.asarray(radius < rng.uniform(9, 18) * np.exp(ragged * waves))


def hair(image: np.ndarray, rng: np.random.Generator) -> None:
    start, slope = rng.uniform(0, SIDE), rng.uniform(-1.5, 1.5)
    columns = np.arange(SIDE)
    rows = np.rint(start + slope * (columns - SIDE / 2)).astype(int)
    inside = (rows >= 0) & (rows < SIDE)
    image[rows[inside], columns[inside]] -= 0.25


def as_bytes(image: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)


def box_of(mask: np.ndarray) -> Box:
    down, across = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return (float(across[0]), float(down[0]), float(across[-1] + 1), float(down[-1] + 1))


def moved(box: Box, rng: np.random.Generator) -> Box:
    sides = np.array([box[2] - box[0], box[3] - box[1]] * 2)
    edges = np.clip(np.array(box) + JITTER * rng.uniform(-1, 1, 4) * sides, 0, SIDE)
    return tuple(float(edge) for edge in edges)  # type: ignore[return-value]  # four of them


def filled(box: Box) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    left, top, right, bottom = (round(edge) for edge in box)
    mask[top:bottom, left:right] = True
    return mask


def dice(found: np.ndarray, truth: np.ndarray) -> float:
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))


def write_pairs(folder: Path, pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    for index, (image, truth) in enumerate(pairs):
        for name, array in (("images", image), ("masks", np.uint8(255) * truth)):
            path = folder / name / f"{index:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)


def outlined(image: np.ndarray, truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Enlarged; the truth's outline in green, the found one's in red."""
    times = 4
    shown = np.repeat(image[..., None], 3, axis=-1).repeat(times, 0).repeat(times, 1)
    for mask, colour in ((truth, FOREST), (found, RUST)):
        large = mask.repeat(times, 0).repeat(times, 1)
        shown[large & ~ndimage.binary_erosion(large, iterations=2)] = colour
    return shown


if __name__ == "__main__":
    main()
