"""What `sequela extrapolate` takes beside the shared options."""

from pathlib import Path
from typing import Annotated

import typer

from sequela.cli import options as o

Scans = Annotated[
    list[Path],
    typer.Argument(
        metavar="SCAN...",
        help="Chest CT of one patient, the baseline first: NIfTI files or folders of DICOM slices. "
        "The word `example` takes the drawn patient that is bundled.",
        show_default=False,
    ),
]
Dates = Annotated[
    list[str] | None,
    typer.Option(
        "--dates",
        metavar="DATE...",
        help="Day of each scan, as 2020-03-01; default: what DICOM headers tell.",
        rich_help_panel=o.ASKED,
    ),
]
At = Annotated[
    list[str] | None,
    typer.Option(
        "--at",
        metavar="DATE...",
        help="Days to be drawn, between the scans or after them.",
        rich_help_panel=o.ASKED,
    ),
]
Horizon = Annotated[
    str | None,
    typer.Option(
        "--horizon",
        metavar="DURATION",
        help="How far after the baseline: 3y, 18mo; default 3y.",
        rich_help_panel=o.ASKED,
    ),
]
Every = Annotated[
    str | None,
    typer.Option(
        "--every",
        metavar="DURATION",
        help="Draw a state every so often up to the horizon: 6mo; default 6mo.",
        rich_help_panel=o.ASKED,
    ),
]
Lungs = Annotated[
    Path | None,
    typer.Option(
        "--lungs",
        metavar="FILE",
        help="Mask of the lungs on the baseline's grid; default: found in every scan.",
        rich_help_panel=o.ASKED,
    ),
]
LungFinder = Annotated[
    str,
    typer.Option(
        "--lung-finder",
        metavar="auto|threshold|r231",
        help="Who finds the lungs: lungmask's R231 where it and its weights are installed, else "
        "threshold and components.",
        rich_help_panel=o.EDIT,
    ),
]
Series = Annotated[
    int | None,
    typer.Option(
        "--series",
        metavar="NUMBER",
        help="SeriesNumber to take, where a DICOM folder holds several.",
        rich_help_panel=o.ASKED,
    ),
]
Registration = Annotated[
    str,
    typer.Option(
        "--registration",
        metavar="convexadam|demons|bspline|affine|none",
        help="How follow-ups are laid onto the baseline inside the lungs.",
        rich_help_panel=o.EDIT,
    ),
]
Age = Annotated[
    float | None,
    typer.Option("--age", help="At baseline, in years.", rich_help_panel=o.ASKED),
]
Sex = Annotated[str | None, typer.Option("--sex", metavar="female|male", rich_help_panel=o.ASKED)]
Smoker = Annotated[
    bool | None,
    typer.Option("--smoker/--never-smoker", help="Ever smoked or not.", rich_help_panel=o.ASKED),
]
Treatment = Annotated[
    str | None,
    typer.Option(
        "--treatment",
        metavar="none|antifibrotic",
        help="From the baseline on.",
        rich_help_panel=o.ASKED,
    ),
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME|DIR",
        help="A bundled model, or a folder in which `sequela train` left both stages.",
        rich_help_panel=o.MACHINE,
    ),
]
Codes = Annotated[
    bool,
    typer.Option(
        "--codes",
        help="Also show the model's codes: how each looks, how often it is used, and where those "
        "lie whose share changes most.",
        rich_help_panel=o.OUTPUT,
    ),
]
