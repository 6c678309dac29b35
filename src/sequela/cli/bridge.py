"""`sequela bridge`: what lay between two real visits?"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sequela.cli import bridge_options as b
from sequela.cli import options as o
from sequela.cli.console import one_sentence, progress_bar, result, say, say_notices
from sequela.cli.extrapolate import bridge_volumes
from sequela.cli.outputs import check_target
from sequela.cli.parsing import parse_date, parse_duration
from sequela.cli.simulate import video_style
from sequela.core import DAYS_PER_YEAR, InvalidInputError, Scan, Trajectory


def bridge(  # noqa: PLR0913, PLR0917  # the contract: one parameter for each option
    first: b.First,
    last: b.Last,
    out: o.Out,
    dates: b.Dates = None,
    at: b.At = None,
    every: b.Every = None,
    region: b.RegionFile = None,
    allow_different_patients: o.DifferentPatients = False,
    frame: o.FrameIndex = None,
    registration: b.Registration = "similarity",
    exposure: b.ExposureOption = "linear",
    transition: b.BridgeTransition = "flow",
    prompt: o.Prompt = None,
    seed: o.Seed = 0,
    frames: o.Frames = 12,
    fps: o.Fps = 16.0,
    video_layout: o.VideoLayout = "frames",
    video_label: o.VideoLabel = False,
    dicom: o.Dicom = False,
    stamp: o.Stamp = False,
    overwrite: o.Overwrite = False,
    json_: o.Json = False,
    model: o.Model = None,
    device: o.Device = "auto",
    debug: o.Debug = False,
) -> None:
    """Draw what may have lain between two real visits of a patient.

    The last film is laid onto the first and matched in exposure; asked days are interpolated and
    marked as such. No date is written into the run: states carry days after the first visit. Two
    chest CT (NIfTI, or folders of DICOM slices) go the way of `sequela extrapolate`.

    Examples:
        sequela bridge first.png last.png --dates 2020-03-01 2020-03-19 --out run/

        sequela bridge a.dcm b.dcm --at 2020-03-08 --at 2020-03-12 --out run/

        sequela bridge a.png b.png --dates 2020-01-01 2021-01-01 --every 1mo --out run/

        sequela bridge 2020.nii.gz 2021.nii.gz --dates 2020-03-01 2021-04-12 --out run/
    """
    options = dict(locals())
    with one_sentence(debug=debug):
        from sequela.io import is_volume_path
        from sequela.render import check_encoder, save_run

        if is_volume_path(first) and is_volume_path(last):
            bridge_volumes(options)
            return
        check_target(out, overwrite=overwrite)
        check_encoder()
        style = video_style(options)
        visits = _read(options)
        trajectory = _bridged(visits, options)
        say_notices(trajectory.record.notices)
        save_run(trajectory, out, overwrite=overwrite, stamped=stamp, dicom=dicom, style=style)
        result(_summary(visits, trajectory, out), f"Report: {out / 'report.html'}", as_json=json_)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Visits:
    """Two films, their days, and the days asked for between them."""

    first: Scan
    last: Scan
    start: date
    end: date
    days: list[float] | None


def _read(options: dict[str, Any]) -> _Visits:
    from sequela.io import read_scan, same_patient
    from sequela.simulators.transition.visits import check_pair

    paths = options["first"], options["last"]
    first, last = (read_scan(path, frame=options["frame"]) for path in paths)
    check_pair(first, last)
    if same_patient(*paths) is False and not options["allow_different_patients"]:
        raise InvalidInputError(
            f"`last` must show the patient of `first`, but the DICOM headers of {paths[0].name} "
            f"and {paths[1].name} name two different ones. Give two films of one patient, or add "
            "--allow-different-patients if the identities were only replaced."
        )
    start, end = _dates(options["dates"], paths)
    return _Visits(first=first, last=last, start=start, end=end, days=_days(options, start, end))


def _dates(words: tuple[str, str] | None, paths: tuple[Path, Path]) -> tuple[date, date]:
    from sequela.io import visit_date

    told = [visit_date(path) for path in paths]
    if words is None:
        if told[0] is None or told[1] is None:
            raise InvalidInputError(
                "`--dates` must name the days of both visits, which the files do not tell. "
                "For example: --dates 2020-03-01 2020-03-19."
            )
        start, end = told[0], told[1]
    else:
        start, end = (parse_date("--dates", word) for word in words)
        if told[0] and told[1] and (told[1] - told[0]) != (end - start):
            say(
                f"Notice: The DICOM headers lie {(told[1] - told[0]).days} days apart, --dates "
                f"{(end - start).days}; --dates is used."
            )
    if end <= start:
        same = "the same day twice" if end == start else f"{start} and then {end}"
        raise InvalidInputError(
            f"`--dates` must be the first visit's day and then a later one, got {same}. "
            "Swap the films and their dates, or give the right days."
        )
    return start, end


def _days(options: dict[str, Any], start: date, end: date) -> list[float] | None:
    """Days after the first visit, or None where nothing was asked."""
    if options["at"] and options["every"]:
        raise InvalidInputError("`--at` and `--every` cannot be given together. Choose one.")
    span = float((end - start).days)
    if options["at"]:
        asked = [parse_date("--at", words) for words in options["at"]]
        outside = [day for day in asked if not start < day < end]
        if outside:
            raise InvalidInputError(
                f"`--at` must lie between the visits, after {start} and before {end}, got "
                f"{outside[0]}. The visits themselves are there already, and beyond them a bridge "
                "knows nothing."
            )
        return [float((day - start).days) for day in asked]
    if options["every"] is None:
        return None
    step = parse_duration(options["every"], option="--every") * DAYS_PER_YEAR
    if step >= span - 1e-6:
        raise InvalidInputError(
            f"`--every` must be shorter than the {span:g} days between the visits, got "
            f"{options['every']}."
        )
    count = int((span - 1e-6) // step)
    if count > 10_000:  # a list that no machine should build; the exact limit is told below
        raise InvalidInputError(f"`--every` {options['every']} asks for {count} states. Ask fewer.")
    return [step * number for number in range(1, count + 1)]


def _bridged(visits: _Visits, options: dict[str, Any]) -> Trajectory:
    from sequela.io import read_region_file
    from sequela.simulators.transition import Bridge

    region = None if options["region"] is None else read_region_file(options["region"])
    bridging = Bridge(
        transition=options["transition"],
        backbone=_backbone(options),
        registration=options["registration"],
        exposure=options["exposure"],
        frames=options["frames"],
        fps=options["fps"],
        text=options["prompt"] or "",
        seed=options["seed"],
    )
    with progress_bar("bridge", quiet=options["json_"]) as progress:
        return bridging.between(
            visits.first,
            visits.last,
            days=float((visits.end - visits.start).days),
            at_days=visits.days,
            region=region,
            progress=progress,
        )


def _backbone(options: dict[str, Any]) -> Any:
    """The model, where the transition needs one."""
    if options["transition"] != "latent":
        if options["model"] is not None:
            raise InvalidInputError(
                f"`--model` is not used by --transition {options['transition']}. Leave it out, or "
                "add --transition latent."
            )
        return None
    from sequela.backbones import load_backbone
    from sequela.checkpoints import find_model

    return load_backbone(find_model(options["model"] or "chest-mini"), device=options["device"])


def _summary(visits: _Visits, trajectory: Trajectory, out: Path) -> dict[str, Any]:
    states = [
        {
            "step": state.step,
            "kind": state.kind,
            "day": round((state.time_years or 0.0) * DAYS_PER_YEAR, 2),
            "date": str(
                visits.start + timedelta(days=round((state.time_years or 0.0) * DAYS_PER_YEAR))
            ),
        }
        for state in trajectory.states
    ]
    return {
        "run": str(out),
        "report": str(out / "report.html"),
        "states": states,
        "frames": 0 if trajectory.video is None else len(trajectory.video.frames),
        "notices": list(trajectory.record.notices),
    }
