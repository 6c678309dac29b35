"""Train models by recipe: `run_recipe` reads the data, builds the objective and runs the loop."""

from sequela.training.recipe import Recipe, read_recipe
from sequela.training.run import run_recipe, use_threads

__all__ = ["Recipe", "read_recipe", "run_recipe", "use_threads"]
