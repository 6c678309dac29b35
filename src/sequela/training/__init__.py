"""Train models by recipe: `run_recipe` reads the data, builds the objective and runs the loop."""

from sequela.training.plan import Plan, plan_of
from sequela.training.recipe import Recipe, read_recipe
from sequela.training.run import run_recipe, use_threads

__all__ = ["Plan", "Recipe", "plan_of", "read_recipe", "run_recipe", "use_threads"]
