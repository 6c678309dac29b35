"""Refuse an output folder before hours are spent on what could not be written."""

import os
from pathlib import Path

from sequela.core import OutputError, OutputExistsError


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a run folder that is there already, or whose place cannot be written to."""
    if target.exists() and not overwrite:
        raise OutputExistsError(
            f"`--out` {target} is already there, and nothing is overwritten unasked. "
            "Name another folder or add --overwrite."
        )
    above = next(folder for folder in target.absolute().parents if folder.exists())
    if not (above.is_dir() and os.access(above, os.W_OK)):
        raise OutputError(
            f"`--out` must lie in a folder that can be written to, but {above} is not one. "
            "Choose another place."
        )
