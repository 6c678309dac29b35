"""`sequela evaluate`: a protocol to tables, plots and a page."""

from pathlib import Path
from typing import Annotated

import typer

from sequela.cli import options as o
from sequela.cli.console import one_sentence, progress_bar, result, say


def evaluate(
    protocol: Annotated[Path, typer.Argument(help="A TOML protocol.", show_default=False)],
    data: Annotated[
        Path,
        typer.Option(
            "--data", envvar="SEQUELA_DATA", help="Folder with the data sets.", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="Folder for cells, kept for the next run, and results.",
            show_default=False,
        ),
    ],
    workers: Annotated[
        int, typer.Option("--workers", help="Processes that simulate, one thread each.")
    ] = 1,
    overwrite: o.Overwrite = False,
    debug: o.Debug = False,
) -> None:
    """Compare simulators, baselines and controls on held-out images; an interrupted run goes on.

    Example:
        sequela evaluate protocols/quick.toml --data DIR --out work/quick
    """
    with one_sentence(debug=debug):
        from sequela.evaluation import evaluate as run
        from sequela.evaluation import read_protocol

        asked = read_protocol(protocol)
        with progress_bar(asked.name, quiet=False) as bar:
            study = run(
                asked,
                data=data,
                out=out,
                workers=workers,
                overwrite=overwrite,
                progress=lambda _, done, total: bar(done, total),
            )
        for failure in study.failures:
            say(f"Left out: {failure.image} ({failure.reason})")
        result({}, f"Results: {out / 'results' / 'results.html'}", as_json=False)
