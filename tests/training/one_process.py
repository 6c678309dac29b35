"""One of several training processes: `python -m tests.training.one_process MODEL DATA OUT PIECES`.

Which one it is, and of how many, it reads from the environment, as torchrun sets it.
"""

import sys
import warnings
from pathlib import Path

import torch

from sequela.training import run_recipe
from tests.training.fine_tuned import miniature


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    model, data, out = map(Path, sys.argv[1:4])
    recipe = miniature("paper_skin", model, steps=6, accumulation=int(sys.argv[4]), batch_size=2)
    run_recipe(recipe, data=data, out=out)


if __name__ == "__main__":
    main()
