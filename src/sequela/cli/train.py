"""`sequela train`: a recipe to a model."""

from pathlib import Path
from typing import Annotated

import typer

from sequela.cli import options as o
from sequela.cli.console import one_sentence, result, say


def train(
    recipe: Annotated[Path, typer.Argument(help="A TOML recipe.", show_default=False)],
    data: Annotated[
        Path,
        typer.Option(
            "--data", envvar="SEQUELA_DATA", help="Folder with the data sets.", show_default=False
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder for state and model; resumed if it is there.")
    ],
    threads: Annotated[
        int | None, typer.Option("--threads", help="CPU threads; default: all cores.")
    ] = None,
    debug: o.Debug = False,
) -> None:
    """Train a model by recipe; an interrupted training goes on where it was.

    Examples:
        sequela train recipes/chest-mini-autoencoder.toml --data DIR --out work/autoencoder

        sequela train recipes/chest-mini.toml --data DIR --out work/chest-mini
    """
    with one_sentence(debug=debug):
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        from sequela.training import read_recipe, run_recipe, use_threads

        settings = read_recipe(recipe)
        use_threads(threads)
        say(f"Training {settings.name} into {out}; figures go to {out / 'held_out.csv'}.")
        columns = (TextColumn("loss {task.fields[loss]:.4f}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
            task = bar.add_task("train", total=settings.optimiser.steps, loss=float("nan"))
            folder = run_recipe(
                settings,
                data=data,
                out=out,
                progress=lambda step, _, loss: bar.update(task, completed=step, loss=loss),
            )
        result({}, f"Model: {folder}", as_json=False)
