"""The options several commands share, with their help; their names are a contract."""

from pathlib import Path
from typing import Annotated

import typer

from sequela.cli.film_options import Fps as Fps
from sequela.cli.film_options import Frames as Frames
from sequela.cli.film_options import Transition as Transition
from sequela.cli.film_options import TransitionModel as TransitionModel
from sequela.cli.film_options import TransitionOutside as TransitionOutside
from sequela.cli.film_options import TransitionParts as TransitionParts
from sequela.cli.film_options import TransitionText as TransitionText
from sequela.cli.film_options import VideoLabel as VideoLabel
from sequela.cli.film_options import VideoLayout as VideoLayout
from sequela.cli.panels import ASKED as ASKED
from sequela.cli.panels import EDIT as EDIT
from sequela.cli.panels import MACHINE as MACHINE
from sequela.cli.panels import OUTPUT as OUTPUT

Inputs = Annotated[
    list[Path],
    typer.Argument(help="Images (PNG, JPEG, TIFF, DICOM) or folders of them.", show_default=False),
]
Out = Annotated[
    Path,
    typer.Option("--out", help="Run folder to make; it must not exist.", rich_help_panel=OUTPUT),
]
Disease = Annotated[
    list[str] | None,
    typer.Option("--disease", help="A finding by name, such as pneumonia.", rich_help_panel=ASKED),
]
FindingOption = Annotated[
    list[str] | None,
    typer.Option(
        "--finding",
        metavar="NAME[:WEIGHT][@REGION]",
        help="A finding, its share of the guidance, and where; may be given several times. "
        "'no finding' heals.",
        rich_help_panel=ASKED,
    ),
]
Prompt = Annotated[
    str | None,
    typer.Option(
        "--prompt", help="Text handed to the text encoder as it is.", rich_help_panel=ASKED
    ),
]
NegativePrompt = Annotated[
    str,
    typer.Option(
        "--negative-prompt",
        help="Text to steer away from; with preset fast, named findings default to 'no finding'.",
        rich_help_panel=ASKED,
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        help="A clinical report (text): what the patient shall come to have.",
        rich_help_panel=ASKED,
    ),
]
BaselineReport = Annotated[
    Path | None,
    typer.Option(
        "--baseline-report",
        help="The baseline's report: what is there already is not asked for again.",
        rich_help_panel=ASKED,
    ),
]
ReportReader = Annotated[
    str,
    typer.Option(
        "--report-reader",
        metavar="rules|llm",
        help="Who reads reports: rules on this machine, or the language model that "
        "SEQUELA_LLM_BASE_URL, SEQUELA_LLM_MODEL and SEQUELA_LLM_API_KEY name.",
        rich_help_panel=ASKED,
    ),
]
SendReport = Annotated[
    bool,
    typer.Option(
        "--send-report",
        help="Allow the report, scrubbed of identifiers, to be sent to the language model; "
        "--dry-run shows what would be sent.",
        rich_help_panel=ASKED,
    ),
]
Domain = Annotated[
    str | None,
    typer.Option(
        "--domain",
        metavar="chest|fundus|skin",
        help="What kind of image it is; default: what report, model and findings say.",
        rich_help_panel=ASKED,
    ),
]
SkipDomainCheck = Annotated[
    bool,
    typer.Option(
        "--skip-domain-check",
        help="Go on although the image looks like one of another kind.",
        rich_help_panel=ASKED,
    ),
]
RegionOption = Annotated[
    str,
    typer.Option(
        "--region",
        metavar="FILE|auto|none|PROVIDER",
        help="Where change is allowed: a mask image, where the findings usually show, everywhere, "
        "or a provider such as sam.",
        rich_help_panel=ASKED,
    ),
]
RegionBox = Annotated[
    list[str] | None,
    typer.Option(
        "--region-box",
        metavar="LEFT,TOP,RIGHT,BOTTOM",
        help="Where the provider shall look, in pixels; may be given several times.",
        rich_help_panel=ASKED,
    ),
]
RegionPoint = Annotated[
    list[str] | None,
    typer.Option(
        "--region-point",
        metavar="ACROSS,DOWN",
        help="A pixel that belongs to the region; may be given several times.",
        rich_help_panel=ASKED,
    ),
]
RegionModel = Annotated[
    str | None,
    typer.Option(
        "--region-model",
        metavar="DIR|ID",
        help="The provider's weights, such as a folder with MedSAM.",
        rich_help_panel=ASKED,
    ),
]
RegionSegment = Annotated[
    str | None,
    typer.Option(
        "--region-segment",
        metavar="NUMBER|LABEL",
        help="Which segment of a DICOM-SEG file is the region.",
        rich_help_panel=ASKED,
    ),
]
Protect = Annotated[
    str,
    typer.Option(
        "--protect",
        metavar="FILE|auto|none",
        help="What must stay exactly as it is: a mask, the hardware found on a chest film, "
        "or nothing.",
        rich_help_panel=ASKED,
    ),
]
Horizon = Annotated[
    str | None,
    typer.Option(
        "--horizon",
        metavar="DURATION",
        help="Time you assert for the last state: 2y, 18mo, 6w, 30d.",
        rich_help_panel=ASKED,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|DIR|ID",
        help="A bundled model, a folder in diffusers layout, or a hub id; default: the bundled "
        "model of the domain.",
        rich_help_panel=MACHINE,
    ),
]
Unet = Annotated[
    str | None,
    typer.Option(
        "--unet",
        metavar="DIR",
        help="A fine-tuned UNet or LoRA for the model.",
        rich_help_panel=MACHINE,
    ),
]
Device = Annotated[
    str, typer.Option("--device", metavar="auto|cpu|cuda|mps", rich_help_panel=MACHINE)
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="steady|gentle|fast|paper|official",
        help="Settings to start from; by default those that suit the model.",
        rich_help_panel=EDIT,
    ),
]
Steps = Annotated[
    int | None, typer.Option("--steps", help="Steps N after the baseline.", rich_help_panel=EDIT)
]
Strength = Annotated[
    float | None,
    typer.Option(
        "--strength", help="Share of the noise schedule rolled back.", rich_help_panel=EDIT
    ),
]
GuidanceScale = Annotated[
    float | None,
    typer.Option("--guidance-scale", help="Weight of the condition.", rich_help_panel=EDIT),
]
DenoisingSteps = Annotated[
    int | None,
    typer.Option(
        "--denoising-steps", help="Denoising steps of a whole schedule.", rich_help_panel=EDIT
    ),
]
KeepInside = Annotated[
    float | None,
    typer.Option(
        "--keep-inside", help="Share of the change kept in the region.", rich_help_panel=EDIT
    ),
]
KeepOutside = Annotated[
    float | None,
    typer.Option("--keep-outside", help="Share kept outside it.", rich_help_panel=EDIT),
]
RollBack = Annotated[
    str | None,
    typer.Option(
        "--roll-back",
        metavar="noise|inversion",
        help="How a step goes back towards noise.",
        rich_help_panel=EDIT,
    ),
]
UntilChange = Annotated[
    float | None,
    typer.Option(
        "--until-change",
        help="Stop when a step moves the region by less than this share of the window.",
        rich_help_panel=EDIT,
    ),
]
Resolution = Annotated[
    int | None,
    typer.Option("--resolution", help="Side of the model's square, px.", rich_help_panel=EDIT),
]
Seed = Annotated[int, typer.Option("--seed", help="All noise follows it.", rich_help_panel=EDIT)]
Samples = Annotated[int, typer.Option("--samples", help="Independent draws.", rich_help_panel=EDIT)]
Dicom = Annotated[
    bool, typer.Option("--dicom", help="Also write derived DICOM.", rich_help_panel=OUTPUT)
]
Stamp = Annotated[
    bool,
    typer.Option(
        "--stamp",
        help="Burn a mark into the video, and write marked copies of the states.",
        rich_help_panel=OUTPUT,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace a run that is there.", rich_help_panel=OUTPUT),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print results as JSON.", rich_help_panel=OUTPUT)
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Print plan, memory and time only.", rich_help_panel=OUTPUT),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", rich_help_panel=MACHINE)]
FrameIndex = Annotated[
    int | None,
    typer.Option("--frame", help="Frame of a multi-frame DICOM, from 0.", rich_help_panel=ASKED),
]
DifferentPatients = Annotated[
    bool,
    typer.Option(
        "--allow-different-patients",
        help="Go on although the DICOM headers name two patients.",
        rich_help_panel=ASKED,
    ),
]
