"""The options that say how a film is drawn and laid out."""

from typing import Annotated

import typer

from sequela.cli.panels import OUTPUT

Transition = Annotated[
    str,
    typer.Option(
        "--transition",
        metavar="latent|flow|crossfade|seine|flf2v|i2v|none",
        help="What draws the frames between states; the last three need --transition-model.",
        rich_help_panel=OUTPUT,
    ),
]
TransitionModel = Annotated[
    str | None,
    typer.Option(
        "--transition-model",
        metavar="DIR|ID",
        help="Weights of the transition: of SEINE as `sequela convert` or `sequela train` left "
        "them, or a video model in diffusers layout.",
        rich_help_panel=OUTPUT,
    ),
]
TransitionParts = Annotated[
    str | None,
    typer.Option(
        "--transition-parts",
        metavar="DIR|ID",
        help="Codec and text encoder for SEINE's weights: Stable Diffusion 1.4; trained ones have "
        "their own.",
        rich_help_panel=OUTPUT,
    ),
]
TransitionText = Annotated[
    str,
    typer.Option(
        "--transition-text",
        help="What the transition's own model is told.",
        rich_help_panel=OUTPUT,
    ),
]
TransitionOutside = Annotated[
    str,
    typer.Option(
        "--transition-outside",
        metavar="ramp|paper",
        help="Outside the region frames move linearly, or show the mean of both states as "
        "published.",
        rich_help_panel=OUTPUT,
    ),
]
Frames = Annotated[
    int,
    typer.Option("--frames", help="Frames of a clip, both states counted.", rich_help_panel=OUTPUT),
]
Fps = Annotated[float, typer.Option("--fps", help="Frames a second.", rich_help_panel=OUTPUT)]
VideoLayout = Annotated[
    str,
    typer.Option(
        "--video-layout",
        metavar="frames|side-by-side|difference",
        help="The film alone, beside the baseline, or beside its change from the baseline.",
        rich_help_panel=OUTPUT,
    ),
]
VideoLabel = Annotated[
    bool,
    typer.Option(
        "--video-label",
        help="Write step and time of the nearest state above each frame.",
        rich_help_panel=OUTPUT,
    ),
]
