"""Two hundred steps of each paper recipe on miniature data: does the loss fall, is resuming exact?

    python benchmarks/paper_recipes.py --out work/paper-recipes

Each set is drawn on the spot in its real layout (`tests/cohorts/layouts.py`), the model is a
Stable Diffusion of 0.3 M weights with random values. Of the recipe everything else is kept but
the learning rate, which is for 20 000 steps, the precision, the pieces of the batch and the size.
Each recipe runs twice: straight through, and killed after step 130 and resumed.
"""

import argparse
import os
import statistics
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import torch
from films import write_figures

sys.path.insert(0, str(Path(__file__).parents[1]))  # the drawn sets are the tests'
from sequela.training import run_recipe
from tests.backbones.tiny_models import tiny_sd
from tests.training.fine_tuned import DRAWN, losses, miniature

STEPS, STOPPED_AFTER, CHECKPOINT_EVERY, WINDOW = 200, 130, 50, 40


class StoppedError(Exception):
    """The run was killed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    model = tiny_sd(out / "model")
    figures = {name: measured(name, model, out / name) for name in DRAWN}
    write_figures(figures, out / "figures.json")
    for name, found in figures.items():
        print(name, found)


def measured(name: str, model: Path, out: Path) -> dict[str, float | bool]:
    data = DRAWN[name](out / "data")
    settings = {"steps": STEPS, "warmup_steps": 20, "batch_size": 2, "accumulation": 1}
    recipe = miniature(name, model, **settings)
    recipe = replace(recipe, log=replace(recipe.log, checkpoint_every=CHECKPOINT_EVERY))
    run_recipe(recipe, data=data, out=out / "straight")
    try:
        run_recipe(recipe, data=data, out=out / "resumed", progress=stop)
    except StoppedError:
        run_recipe(recipe, data=data, out=out / "resumed")
    curve = losses(out / "straight")
    return {
        "first 40 steps (mean loss)": round(statistics.mean(curve[:WINDOW]), 4),
        "last 40 steps (mean loss)": round(statistics.mean(curve[-WINDOW:]), 4),
        "steps logged": len(curve),
        "curves identical after resuming": all(
            (out / "straight" / table).read_bytes() == (out / "resumed" / table).read_bytes()
            for table in ("curves.csv", "held_out.csv")
        ),
    }


def stop(step: int, steps: int, loss: float) -> None:
    if step == STOPPED_AFTER:
        raise StoppedError


if __name__ == "__main__":
    main()
