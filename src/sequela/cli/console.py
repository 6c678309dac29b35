"""How the command line speaks: progress, results, one sentence for an error, exit codes."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from sequela.core import SequelaError

FAILURE, MISUSE, INTERRUPTED = 1, 2, 130


@contextmanager
def one_sentence(*, debug: bool) -> Iterator[None]:
    """Turn an error into its sentence and exit code; `--debug` shows the traceback instead."""
    try:
        yield
    except KeyboardInterrupt:
        _fail("Interrupted: nothing was written.", INTERRUPTED)
    except SequelaError as error:
        if debug:
            raise
        _fail(f"Error: {error}", error.exit_code)
    except MemoryError:
        if debug:
            raise
        _fail("Error: the machine ran out of memory. Lower --resolution or --samples.", FAILURE)


def say(text: str) -> None:
    """A line for the person; results go to the other stream."""
    typer.echo(text, err=True)


def say_notices(notices: Iterable[str]) -> None:
    """A line for each thing that a run decided by itself."""
    for notice in notices:
        say(f"Notice: {notice}")


def result(values: dict[str, Any], text: str, *, as_json: bool) -> None:
    """The result on standard output: one JSON object a line, or a sentence."""
    typer.echo(json.dumps(values) if as_json else text)


@contextmanager
def progress_bar(label: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left, on the error stream and only where a person looks at it."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not sys.stderr.isatty(),
        transient=True,
    ) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _fail(sentence: str, code: int) -> None:
    typer.echo(sentence, err=True)
    raise typer.Exit(code)
