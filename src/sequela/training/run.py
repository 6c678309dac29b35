"""From a recipe to a trained model."""

from collections.abc import Callable
from pathlib import Path

import torch

from sequela.cohorts import load_cohorts
from sequela.core.checks import check_count
from sequela.training.data import load_images
from sequela.training.loop import Objective, train
from sequela.training.recipe import Recipe


def run_recipe(
    recipe: Recipe,
    *,
    data: Path,
    out: Path,
    progress: Callable[[int, int, float], None] | None = None,
) -> Path:
    """Train, or go on training, and return the folder of the exported model.

    Args:
        recipe: What to train.
        data: Folder that holds the data sets.
        out: Folder for state and result; an interrupted training in it is resumed.
        progress: Called with (step, steps, loss).
    """
    if recipe.objective == "mask-decoder":
        from sequela.training.objectives.mask_decoder import MaskDecoderObjective

        return train(MaskDecoderObjective.of(recipe, data), recipe, out, progress=progress)
    examples = load_cohorts(recipe.data.sets, data)
    images = {split: load_images(examples, split, recipe.data) for split in ("train", "val")}
    objective: Objective
    if recipe.objective == "autoencoder":
        from sequela.training.objectives.autoencoder import AutoencoderObjective

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)  # inside the fork: the caller's state is left alone
            objective = AutoencoderObjective(recipe, images["train"], images["val"])
    elif recipe.objective == "hardware":
        from sequela.training.objectives.hardware import HardwareObjective

        objective = HardwareObjective(recipe, images["train"], images["val"])
    elif recipe.objective == "classifier":
        from sequela.training.objectives.classifier import ClassifierObjective

        objective = ClassifierObjective(recipe, images["train"], images["val"], out)
    else:
        from sequela.training.objectives.latent_diffusion import LatentDiffusionObjective

        objective = LatentDiffusionObjective(recipe, images["train"], images["val"], out)
    return train(objective, recipe, out, progress=progress)


def use_threads(count: int | None) -> None:
    """Compute on that many CPU threads; None leaves it to torch."""
    if count is not None:
        check_count("threads", count)
        torch.set_num_threads(count)
