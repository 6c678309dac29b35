"""`sequela train`: a recipe to a model."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sequela.cli import options as o
from sequela.cli.console import one_sentence, result, say
from sequela.core import InvalidInputError

if TYPE_CHECKING:
    from sequela.training import Recipe


def train(
    recipe: Annotated[Path, typer.Argument(help="A TOML recipe.", show_default=False)],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", envvar="SEQUELA_DATA", help="Folder with the data sets.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Folder for state and model; resumed if it is there.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print steps, images, memory and time.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option("--threads", help="CPU threads; default: all cores.")
    ] = None,
    debug: o.Debug = False,
) -> None:
    """Train a model by recipe; an interrupted training goes on where it was.

    Examples:
        sequela train recipes/chest-mini-autoencoder.toml --data DIR --out work/autoencoder

        sequela train recipes/chest-mini.toml --data DIR --out work/chest-mini

        sequela train recipes/paper_chest.toml --dry-run
    """
    with one_sentence(debug=debug):
        from sequela.training import plan_of, read_recipe, use_threads

        settings = read_recipe(recipe)
        use_threads(threads)
        if dry_run:
            result({}, "\n".join(plan_of(settings, data).lines), as_json=False)
        else:
            _run(settings, _given("data", data), _given("out", out))


def _run(settings: "Recipe", data: Path, out: Path) -> None:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from sequela.training import run_recipe

    is_first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun starts
    if is_first:
        say(f"Training {settings.name} into {out}; figures go to {out / 'held_out.csv'}.")
    columns = (TextColumn("loss {task.fields[loss]:.4f}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not is_first) as bar:
        task = bar.add_task("train", total=settings.optimiser.steps, loss=float("nan"))
        folder = run_recipe(
            settings,
            data=data,
            out=out,
            progress=lambda step, _, loss: bar.update(task, completed=step, loss=loss),
        )
    if is_first:
        result({}, f"Model: {folder}", as_json=False)


def _given(name: str, folder: Path | None) -> Path:
    if folder is None:
        raise InvalidInputError(
            f"`{name}` must name a folder to train, got none. Add --{name} DIR, or --dry-run."
        )
    return folder
