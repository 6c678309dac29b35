"""`sequela extrapolate`: a patient's CT at any date, from the scans there are."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer

from sequela.cli import extrapolate_options as x
from sequela.cli import options as o
from sequela.cli.console import one_sentence, progress_bar, result, say_notices
from sequela.cli.lung_scans import (
    LungVisits,
    known_lungs,
    read_visits,
    wanted_years,
    years_between,
)
from sequela.cli.outputs import check_target
from sequela.core import DAYS_PER_YEAR, InvalidInputError, Trajectory

# what `sequela bridge` calls the way of films, for volumes
_VOLUME_KINDS = {"similarity": "convexadam", "rigid": "affine", "deformable": "convexadam"}


def extrapolate(  # noqa: PLR0913, PLR0917  # the contract: one parameter for each option
    scans: x.Scans,
    out: o.Out,
    dates: x.Dates = None,
    horizon: x.Horizon = None,
    every: x.Every = None,
    at: x.At = None,
    lungs: x.Lungs = None,
    series: x.Series = None,
    age: x.Age = None,
    sex: x.Sex = None,
    smoker: x.Smoker = None,
    treatment: x.Treatment = None,
    allow_different_patients: o.DifferentPatients = False,
    lung_finder: x.LungFinder = "auto",
    registration: x.Registration = "convexadam",
    seed: o.Seed = 0,
    samples: o.Samples = 1,
    frames: o.Frames = 12,
    fps: o.Fps = 16.0,
    video_label: o.VideoLabel = False,
    codes: x.Codes = False,
    dicom: o.Dicom = False,
    stamp: o.Stamp = False,
    overwrite: o.Overwrite = False,
    json_: o.Json = False,
    dry_run: o.DryRun = False,
    model: x.Model = "lungs-mini",
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
    plain = {
        "region": None,
        "prompt": None,
        "frame": None,
        "transition": "flow",
        "exposure": "linear",
        "video_layout": "frames",
        "video_label": False,
    }
    for name, value in plain.items():
        if options[name] != value:
            raise InvalidInputError(
                f"`--{name.replace('_', '-')}` is for films, but the visits are volumes, "
                f"got {options[name]}. Leave it out."
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
    record = trajectory.record
    record = replace(record, notices=(*visits.notices, *record.notices))
    trajectory = replace(trajectory, record=record)
    if visits.example is not None:
        trajectory = with_truth(trajectory, prepared, visits.example.patient)
    film = lung_film(trajectory, prepared.grid, frames=options["frames"], fps=options["fps"])
    trajectory = replace(trajectory, video=film)
    say_notices(record.notices)
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
