"""`sequela extrapolate`: a patient's CT at any date, from the scans there are."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from sequela.cli import options as o
from sequela.cli.console import one_sentence, progress_bar, result, say
from sequela.cli.lung_scans import (
    DAYS_PER_YEAR,
    LungVisits,
    known_lungs,
    read_visits,
    wanted_years,
    years_between,
)
from sequela.cli.outputs import check_target
from sequela.core import InvalidInputError, Trajectory

# what `sequela bridge` calls the way of films, for volumes
_VOLUME_KINDS = {"similarity": "demons", "rigid": "affine", "deformable": "demons"}

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
        metavar="demons|bspline|affine|none",
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
DifferentPatients = Annotated[
    bool,
    typer.Option(
        "--allow-different-patients",
        help="Go on although the DICOM headers name two patients.",
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


def extrapolate(  # noqa: PLR0913, PLR0917  # the contract: one parameter for each option
    scans: Scans,
    out: o.Out,
    dates: Dates = None,
    horizon: Horizon = None,
    every: Every = None,
    at: At = None,
    lungs: Lungs = None,
    series: Series = None,
    age: Age = None,
    sex: Sex = None,
    smoker: Smoker = None,
    treatment: Treatment = None,
    allow_different_patients: DifferentPatients = False,
    lung_finder: LungFinder = "auto",
    registration: Registration = "demons",
    seed: o.Seed = 0,
    samples: o.Samples = 1,
    frames: o.Frames = 12,
    fps: o.Fps = 16.0,
    video_label: o.VideoLabel = False,
    codes: Codes = False,
    dicom: o.Dicom = False,
    stamp: o.Stamp = False,
    overwrite: o.Overwrite = False,
    json_: o.Json = False,
    dry_run: o.DryRun = False,
    model: Model = "lungs-mini",
    device: o.Device = "auto",
    debug: o.Debug = False,
) -> None:
    """Draw a patient's chest CT at any date, from the scans there are.

    Follow-ups are registered to the baseline inside the lungs; all outside them stays the
    baseline's. One scan alone follows the mean drift of a cohort, and says so.

    Examples:
        sequela extrapolate example --horizon 3y --every 6mo --out run/

        sequela extrapolate 2020.nii.gz 2021.nii.gz --dates 2020-03-01 2021-04-12 --out run/

        sequela extrapolate first/ second/ --at 2024-01-01 2025-01-01 --dicom --out run/
    """
    options = dict(locals())
    with one_sentence(debug=debug):
        run_extrapolation(options)


def bridge_volumes(options: dict[str, Any]) -> None:
    """`sequela bridge` of two CT: states between them, by the same engine.

    Raises:
        InvalidInputError: An option is given that only films have.
    """
    plain = {"region": None, "prompt": None, "frame": None, "transition": "flow"}
    for name, value in plain.items():
        if options[name] != value:
            raise InvalidInputError(
                f"`--{name}` is for films, but the visits are volumes, got {options[name]}. "
                "Leave it out."
            )
    own = {"age": None, "sex": None, "smoker": None, "treatment": None, "lungs": None}
    run_extrapolation(
        {
            **own,
            **options,
            "scans": [options["first"], options["last"]],
            "dates": list(options["dates"] or []),
            "horizon": None,
            "series": None,
            "samples": 1,
            "codes": False,
            "dry_run": False,
            "lung_finder": "auto",
            "model": options["model"] or "lungs-mini",
            "registration": _VOLUME_KINDS.get(options["registration"], options["registration"]),
            "between": True,
        }
    )


def run_extrapolation(options: dict[str, Any]) -> None:
    """Read, check, forecast, write and say so."""
    from sequela.core.checks import check_count
    from sequela.render import check_encoder

    check_target(options["out"], overwrite=options["overwrite"])
    check_encoder()
    check_count("--frames", options["frames"], minimum=2)
    visits = read_visits(options)
    request = _request(visits, options)
    engine = _engine(options, is_alone=len(visits.scans) == 1)
    engine.check(request)
    if options["dry_run"]:
        _print_plan(visits, request, engine, options)
        return
    _write(visits, request, engine, options)


def _request(visits: LungVisits, options: dict[str, Any]) -> Any:
    from sequela.simulators.lungs.asked import ForecastRequest, check_days, check_times
    from sequela.simulators.lungs.facts import PatientFacts

    years = check_days(visits.days, len(visits.scans))
    times = years_between if options.get("between") else wanted_years
    return ForecastRequest(
        years=tuple(years),
        wanted_years=tuple(check_times(times(visits, options), years)),
        facts=PatientFacts(
            age_years=options["age"],
            sex=options["sex"],
            smoker=options["smoker"],
            treatment=options["treatment"],
        ),
        seed=options["seed"],
        samples=options["samples"],
    )


def _engine(options: dict[str, Any], *, is_alone: bool) -> Any:
    from sequela.backbones.devices import pick_device
    from sequela.backbones.lung_finder import lung_finder
    from sequela.simulators.lungs.extrapolate import LungExtrapolation
    from sequela.simulators.lungs.model import load_lung_model
    from sequela.simulators.lungs.population import load_population

    return LungExtrapolation(
        model=load_lung_model(options["model"], device=str(pick_device(options["device"]))),
        population=load_population() if is_alone else None,
        registration=options["registration"],
        segment=lung_finder(options["lung_finder"]),
    )


def _write(visits: LungVisits, request: Any, engine: Any, options: dict[str, Any]) -> None:
    from sequela.cli.lung_pages import extras_of
    from sequela.cli.simulate import video_style
    from sequela.render import save_run
    from sequela.render.lung_planes import lung_film
    from sequela.simulators.lungs.example import with_truth

    with progress_bar("scans", quiet=options["json_"]) as progress:
        prepared = engine.prepared(
            visits.scans, lungs=known_lungs(options["lungs"]), progress=progress
        )
    trajectory = engine.forecast(prepared, request)
    trajectory = _noticed(trajectory, visits.notices)
    if visits.example is not None:
        trajectory = with_truth(trajectory, prepared, visits.example.patient)
    trajectory = _filmed(
        trajectory,
        lung_film(trajectory, prepared.grid, frames=options["frames"], fps=options["fps"]),
    )
    for notice in trajectory.record.notices:
        say(f"Notice: {notice}")
    save_run(
        trajectory,
        options["out"],
        overwrite=options["overwrite"],
        stamped=options["stamp"],
        dicom=options["dicom"],
        style=video_style({**options, "video_layout": "frames"}),
        extras=extras_of(trajectory, prepared, visits, engine, with_codes=options["codes"]),
    )
    page = options["out"] / "report.html"
    result(
        _summary(visits, trajectory, options["out"]), f"Report: {page}", as_json=options["json_"]
    )


def _noticed(trajectory: Trajectory, notices: tuple[str, ...]) -> Trajectory:
    from dataclasses import replace

    record = trajectory.record
    return replace(trajectory, record=replace(record, notices=(*notices, *record.notices)))


def _filmed(trajectory: Trajectory, film: Any) -> Trajectory:
    from dataclasses import replace

    return replace(trajectory, video=film)


def _print_plan(visits: LungVisits, request: Any, engine: Any, options: dict[str, Any]) -> None:
    first = visits.scans[0]
    size = first.array.nbytes * (
        len(request.wanted_years) * request.samples + 3 * len(visits.scans)
    )
    lines = [
        f"Scans      {len(visits.scans)}; the first is "
        f"{' x '.join(str(n) for n in first.array.shape)} voxels of "
        f"{' x '.join(f'{s:.3g}' for s in first.spacing_mm or ())} mm",
        f"Model      {engine.model.card['name']}",
        f"States     {len(request.wanted_years)}: years "
        + ", ".join(f"{y:.2f}" for y in request.wanted_years),
        f"Memory     about {1.0 + size / 1e9:.1f} GB",
        f"Output     {options['out']}",
        *(f"Notice     {notice}" for notice in visits.notices),
        "Nothing was written.",
    ]
    typer.echo("\n".join(lines))


def _summary(visits: LungVisits, trajectory: Trajectory, out: Path) -> dict[str, Any]:
    def day(years: float) -> str:
        return str(visits.dates[0] + timedelta(days=round(years * DAYS_PER_YEAR)))

    states = [
        {
            "step": state.step,
            "kind": state.kind,
            "time_years": round(state.time_years or 0.0, 4),
            "date": day(state.time_years or 0.0),
            **{name: round(value, 4) for name, value in state.scores.items()},
        }
        for state in trajectory.states
    ]
    return {
        "run": str(out),
        "report": str(out / "report.html"),
        "method": trajectory.record.method,
        "states": states,
        "frames": 0 if trajectory.video is None else len(trajectory.video.frames),
        "notices": list(trajectory.record.notices),
    }
