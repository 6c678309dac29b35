"""Words to calls, results to words."""

from typing import Annotated

import typer

from sequela._version import __version__
from sequela.cli.about import cite, doctor, models
from sequela.cli.branch import branch
from sequela.cli.bridge import bridge
from sequela.cli.convert import convert
from sequela.cli.evaluate import evaluate
from sequela.cli.extrapolate import extrapolate
from sequela.cli.forecast import VersusMany, forecast
from sequela.cli.many_values import ManyValues
from sequela.cli.replay import replay, view
from sequela.cli.simulate import simulate
from sequela.cli.train import train

app = typer.Typer(
    name="sequela",
    help="Simulate how disease would change a patient's images. "
    "Synthetic, for research and education; never for the care of a patient.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    simulate,
    branch,
    bridge,
    replay,
    view,
    train,
    evaluate,
    convert,
    models,
    doctor,
    cite,
):
    app.command()(command)
app.command(cls=ManyValues)(extrapolate)
app.command(cls=VersusMany)(forecast)


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """The `sequela` command."""
    app()


__all__ = ["app", "main"]
