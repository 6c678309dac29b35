"""`sequela convert`: a published checkpoint, read without running anything in it, once."""

from pathlib import Path
from typing import Annotated

import typer

from sequela.cli import options as o
from sequela.cli.console import one_sentence, result
from sequela.cli.outputs import check_target


def convert(
    checkpoint: Annotated[Path, typer.Argument(help="The published seine.pt.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", help="Folder to make; it must not exist.", show_default=False)
    ],
    debug: o.Debug = False,
) -> None:
    """Make SEINE's published checkpoint safe to load: tensors only, names and shapes checked.

    Example:
        sequela convert seine.pt --out seine/
    """
    with one_sentence(debug=debug):
        from sequela.backbones.seine import convert as converted

        check_target(out, overwrite=False)
        file = converted(checkpoint, out)
        result({}, f"Weights: {file}", as_json=False)
