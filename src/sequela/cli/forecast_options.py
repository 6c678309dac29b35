"""Options of `sequela forecast`, with their help."""

from pathlib import Path
from typing import Annotated

import typer

from sequela.cli import options as o

_FILES = "Files whose names do not tell"

Patient = Annotated[
    list[Path] | None,
    typer.Argument(
        help="A folder with one visit's NIfTI files or DICOM series, or the files themselves. "
        "Names tell which is what: FLAIR, T1, T2, PD, T1-Gd, lesions, brain.",
        show_default=False,
    ),
]
Treatment = Annotated[
    str,
    typer.Option(
        "--treatment",
        help="What the patient is treated with: placebo, laquinimod, glatiramer, "
        "dimethyl-fumarate, fingolimod, natalizumab, or unknown.",
        rich_help_panel=o.ASKED,
        show_default=False,
    ),
]
Versus = Annotated[
    list[str] | None,
    typer.Option(
        "--versus",
        metavar="NAME",
        help="The same patient under another treatment, from the same noise; may be given "
        "several times.",
        rich_help_panel=o.ASKED,
    ),
]
ForecastHorizon = Annotated[
    str,
    typer.Option(
        "--horizon",
        metavar="DURATION",
        help="Time after the visit: 18mo, 2y.",
        rich_help_panel=o.ASKED,
    ),
]
AgeYears = Annotated[
    float | None,
    typer.Option("--age", help="Of the patient in years, if known.", rich_help_panel=o.ASKED),
]
Edss = Annotated[
    float | None,
    typer.Option("--edss", help="Disability score, if known.", rich_help_panel=o.ASKED),
]
DiseaseYears = Annotated[
    float | None,
    typer.Option(
        "--disease-years", help="Years since the first symptom, if known.", rich_help_panel=o.ASKED
    ),
]
FlairFile = Annotated[
    Path | None, typer.Option("--flair", metavar="FILE", help="FLAIR.", rich_help_panel=_FILES)
]
T1File = Annotated[
    Path | None, typer.Option("--t1", metavar="FILE", help="T1.", rich_help_panel=_FILES)
]
T2File = Annotated[
    Path | None, typer.Option("--t2", metavar="FILE", help="T2.", rich_help_panel=_FILES)
]
PdFile = Annotated[
    Path | None,
    typer.Option("--pd", metavar="FILE", help="Proton density.", rich_help_panel=_FILES),
]
T1GdFile = Annotated[
    Path | None,
    typer.Option("--t1-gd", metavar="FILE", help="T1 after gadolinium.", rich_help_panel=_FILES),
]
LesionsFile = Annotated[
    Path | None,
    typer.Option(
        "--lesions",
        metavar="FILE",
        help="T2 lesion mask of 0 and 1; else found on FLAIR.",
        rich_help_panel=_FILES,
    ),
]
BrainFile = Annotated[
    Path | None,
    typer.Option(
        "--brain", metavar="FILE", help="Brain mask of 0 and 1; else found.", rich_help_panel=_FILES
    ),
]
ForecastRegistration = Annotated[
    str,
    typer.Option(
        "--registration",
        metavar="rigid|none",
        help="Whether movement between the sequences is undone.",
        rich_help_panel=o.MACHINE,
    ),
]
DenoisingSteps = Annotated[
    int,
    typer.Option("--denoising-steps", help="Network evaluations a mask.", rich_help_panel=o.EDIT),
]
ForecastModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|FILE|DIR",
        help="A bundled lesion model, or what `sequela train` left; default: lesions-mini.",
        rich_help_panel=o.MACHINE,
    ),
]
ForecastDryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Say which file is what, and stop.", rich_help_panel=o.OUTPUT),
]
