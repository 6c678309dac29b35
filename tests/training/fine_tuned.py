"""Miniature fine-tunings: the repository's recipes on drawn sets, with tiny random models."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sequela.training import Recipe, read_recipe
from tests.cohorts.layouts import draw_chexpert, draw_eyepacs, draw_isic_2018

RECIPES = Path(__file__).parents[2] / "recipes"
DRAWN = {
    "paper_chest": draw_chexpert,
    "paper_fundus": lambda root: draw_eyepacs(root, test=True),
    "paper_skin": draw_isic_2018,
}


def miniature(name: str, model: Path, *, network: dict[str, Any] | None = None, **optimiser):
    """A recipe as it is, but for size, model, steps and precision."""
    recipe = read_recipe(RECIPES / f"{name}.toml")
    given = {"batch_size": 1, "accumulation": 2, "warmup_steps": 2, "learning_rate": 1e-3}
    given |= {"steps": 4, "mixed_precision": "no", **optimiser}
    return replace(
        recipe,
        network=replace(recipe.network, model=str(model), **(network or {})),
        data=replace(recipe.data, image_size=32),
        optimiser=replace(recipe.optimiser, **given),
        log=replace(recipe.log, every=1, evaluate_every=100, checkpoint_every=2),
    )


def losses(out: Path) -> list[float]:
    lines = (out / "curves.csv").read_text().splitlines()[1:]
    return [float(line.split(",")[1]) for line in lines]


def recipe_with(recipe: Recipe, **data: Any) -> Recipe:
    return replace(recipe, data=replace(recipe.data, **data))
