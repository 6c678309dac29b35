"""Images a second and memory of fine-tuning Stable Diffusion by the paper's recipe.

    python benchmarks/paper_throughput.py --out work/paper-throughput      # 512 px, bf16
    python benchmarks/paper_throughput.py --out work/tiny --tiny --device cpu  # does it run?

The model has the shapes of Stable Diffusion 1.4 and random weights: speed and memory do not depend
on their values. What is timed is the training loop's own update, with its codec, text encoder,
gradient checkpointing and AdamW, on images that are in memory.
"""

import argparse
import copy
import json
import statistics
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import torch
from films import write_figures

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tiny model is the tests'
from sequela.training import read_recipe
from sequela.training.cost import cost_of
from sequela.training.data import ImageSet
from sequela.training.loop import train
from sequela.training.objectives.fine_tuning import FineTuningObjective
from tests.backbones.tiny_models import tiny_sd

RECIPE = Path(__file__).parents[1] / "recipes" / "paper_chest.toml"
WARM_UP = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="a model of 0.3 M weights, 32 px")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch-size", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--no-checkpointing", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    model = options.out / "model"
    if not model.exists():
        tiny_sd(model) if options.tiny else sd14_shaped(model)
    figures = {}
    for size in options.batch_size:
        figures[f"{size} images at a time"] = measured(options, model, size)
    write_figures(figures, options.out / "figures.json")


def measured(options: argparse.Namespace, model: Path, size: int) -> dict[str, object]:
    """Median seconds of an update after some to warm up, and the peak memory."""
    is_cuda = options.device == "cuda"
    recipe = read_recipe(RECIPE)
    recipe = replace(
        recipe,
        network=replace(
            recipe.network,
            model=str(model),
            gradient_checkpointing=not options.no_checkpointing,
        ),
        data=replace(recipe.data, image_size=32 if options.tiny else 512),
        optimiser=replace(
            recipe.optimiser,
            steps=WARM_UP + options.steps,
            batch_size=size,
            accumulation=1,
            mixed_precision="bf16" if is_cuda else "no",
        ),
        log=replace(recipe.log, evaluate_every=10**9, checkpoint_every=10**9),
    )
    side = recipe.data.image_size
    images = torch.rand(64, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1
    shown = ImageSet(images=images, findings=(("Edema",),) * 64, views=("PA",) * 64)
    objective = Timed(recipe, shown, shown, torch.device(options.device))
    if is_cuda:
        torch.cuda.reset_peak_memory_stats()
    moments: list[float] = []

    def note(step: int, steps: int, loss: float) -> None:
        if is_cuda:
            torch.cuda.synchronize()
            objective.peak_gb = torch.cuda.max_memory_allocated() / 1e9
        moments.append(time.perf_counter())

    train(objective, recipe, options.out / f"run-{size}-{time.time():.0f}", progress=note)
    spans = [b - a for a, b in zip(moments[WARM_UP - 1 :], moments[WARM_UP:], strict=False)]
    cost = cost_of(recipe, model)
    seconds = statistics.median(spans)
    return {
        "device": torch.cuda.get_device_name() if is_cuda else "CPU",
        "precision": recipe.optimiser.mixed_precision,
        "pixels": side,
        "gradient checkpointing": not options.no_checkpointing,
        "images a second": round(size / seconds, 2),
        "seconds an update": round(seconds, 4),
        "peak memory of the device (GB)": round(objective.peak_gb, 2) if is_cuda else None,
        "memory that --dry-run estimates (GB)": round(cost.memory_gb, 2),
        "TFLOP/s": round(cost.teraflops_per_image * size / seconds, 3),
        "hours for the paper's 640000 images": round(640_000 * seconds / size / 3600, 2),
    }


class Timed(FineTuningObjective):
    """The objective without what comes after training."""

    peak_gb = 0.0

    def evaluate(self, averaged, step, folder):
        """Nothing."""
        return {"held_out_loss": 0.0}

    def export(self, averaged, folder):
        """Nothing."""


def sd14_shaped(folder: Path) -> Path:
    """A pipeline folder with the shapes of Stable Diffusion 1.4 and random weights, 4.3 GB."""
    from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    from tests.backbones.tiny_models import tiny_tokenizer

    tokenizer = copy.copy(tiny_tokenizer())
    tokenizer.model_max_length = 77
    levels = 4
    parts = {
        "unet": UNet2DConditionModel(sample_size=64, cross_attention_dim=768),
        "vae": AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            sample_size=512,
        ),
        "text_encoder": CLIPTextModel(
            CLIPTextConfig(
                hidden_size=768,
                intermediate_size=3072,
                num_hidden_layers=12,
                num_attention_heads=12,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        ),
        "tokenizer": tokenizer,
        "scheduler": PNDMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
        ),
    }
    index: dict[str, object] = {"_class_name": "StableDiffusionPipeline"}
    for name, part in parts.items():
        part.save_pretrained(folder / name)
        index[name] = [type(part).__module__.split(".")[0], type(part).__name__]
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


if __name__ == "__main__":
    main()
