"""What `sequela bridge` takes beside the shared options."""

from pathlib import Path
from typing import Annotated

import typer

from sequela.cli import options as o

First = Annotated[
    Path, typer.Argument(help="The film or chest CT of the first visit.", show_default=False)
]
Last = Annotated[
    Path, typer.Argument(help="The film or chest CT of the last visit.", show_default=False)
]
Dates = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--dates",
        metavar="FIRST LAST",
        help="Days of the two visits, as 2020-03-01; default: what both DICOM files tell.",
        rich_help_panel=o.ASKED,
    ),
]
At = Annotated[
    list[str] | None,
    typer.Option(
        "--at",
        metavar="DATE",
        help="A day between the visits to be drawn; may be given several times. Default: a "
        "quarter, a half and three quarters of the way.",
        rich_help_panel=o.ASKED,
    ),
]
Every = Annotated[
    str | None,
    typer.Option(
        "--every",
        metavar="DURATION",
        help="Draw a state every so often: 1d, 2w, 6mo.",
        rich_help_panel=o.ASKED,
    ),
]
RegionFile = Annotated[
    Path | None,
    typer.Option(
        "--region",
        metavar="FILE",
        help="Mask on the first film: where content may move. Elsewhere the films are blended.",
        rich_help_panel=o.ASKED,
    ),
]
Registration = Annotated[
    str,
    typer.Option(
        "--registration",
        metavar="similarity|rigid|affine|deformable|none",
        help="How the last film is laid onto the first.",
        rich_help_panel=o.EDIT,
    ),
]
ExposureOption = Annotated[
    str,
    typer.Option(
        "--exposure",
        metavar="linear|curve|keep",
        help="How the last film's grey values are brought to the first one's.",
        rich_help_panel=o.EDIT,
    ),
]
BridgeTransition = Annotated[
    str,
    typer.Option(
        "--transition",
        metavar="flow|latent|crossfade",
        help="What draws between the visits.",
        rich_help_panel=o.EDIT,
    ),
]
