"""From a recipe to a trained model."""

from collections.abc import Callable
from pathlib import Path

import torch

from sequela.core.checks import check_count
from sequela.training.data import load_images, read_examples
from sequela.training.loop import Objective, device_of_process, train
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
    own = _with_own_data(recipe, data, out)
    if own is not None:
        return train(own, recipe, out, progress=progress)
    examples = read_examples(recipe.data, data)
    images = {
        split: load_images(examples, split, recipe.data, out / "images")
        for split in ("train", "val")
    }
    objective: Objective
    if recipe.objective == "autoencoder":
        from sequela.training.objectives.autoencoder import AutoencoderObjective

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)  # inside the fork: the caller's state is left alone
            objective = AutoencoderObjective(recipe, images["train"], images["val"])
    elif recipe.objective == "fine-tuning":
        from sequela.training.objectives.fine_tuning import FineTuningObjective

        objective = FineTuningObjective(recipe, images["train"], images["val"], device_of_process())
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


def _with_own_data(recipe: Recipe, data: Path, out: Path) -> Objective | None:
    """The objectives that do not learn from single labelled images."""
    if recipe.objective == "mask-decoder":
        from sequela.training.objectives.mask_decoder import MaskDecoderObjective

        return MaskDecoderObjective.of(recipe, data)
    if recipe.objective == "transition":
        from sequela.training.objectives.transition import TransitionObjective

        return TransitionObjective.of(recipe, data)
    if recipe.objective == "identity":
        from sequela.training.objectives.identity import IdentityObjective

        return IdentityObjective.of(recipe, data)
    return _of_volumes(recipe, out)


def _of_volumes(recipe: Recipe, out: Path) -> Objective | None:
    """The objectives whose scans are drawn or prepared beside the output."""
    if recipe.objective == "vqgan":
        from sequela.training.objectives.vqgan import VqganObjective

        return VqganObjective.of(recipe, out)
    if recipe.objective == "latent-forecast":
        from sequela.training.objectives.latent_forecast import LatentForecastObjective

        return LatentForecastObjective.of(recipe, out)
    if recipe.objective == "lung-painter":
        from sequela.training.objectives.lung_painter import LungPainterObjective

        return LungPainterObjective.of(recipe, out)
    if recipe.objective == "lesion-forecast":
        from sequela.training.objectives.lesion_forecast import LesionForecastObjective

        return LesionForecastObjective.of(recipe, out)
    return None


def use_threads(count: int | None) -> None:
    """Compute on that many CPU threads; None leaves it to torch."""
    if count is not None:
        check_count("threads", count)
        torch.set_num_threads(count)
