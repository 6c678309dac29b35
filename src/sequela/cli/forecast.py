"""`sequela forecast`: which lesions may come, and which under another treatment?"""

from pathlib import Path
from typing import Any

from sequela.cli import forecast_options as f
from sequela.cli import options as o
from sequela.cli.console import one_sentence, result, say_notices
from sequela.cli.many_values import ManyValues
from sequela.cli.outputs import check_target
from sequela.cli.parsing import parse_duration
from sequela.core import Trajectory


class VersusMany(ManyValues):
    """`--versus placebo natalizumab` names several treatments."""

    spread = ("--versus",)


def forecast(  # noqa: PLR0913, PLR0917  # the contract: one parameter for each option
    out: o.Out,
    treatment: f.Treatment,
    inputs: f.Patient = None,
    versus: f.Versus = None,
    horizon: f.ForecastHorizon = "2y",
    age: f.AgeYears = None,
    edss: f.Edss = None,
    disease_years: f.DiseaseYears = None,
    flair: f.FlairFile = None,
    t1: f.T1File = None,
    t2: f.T2File = None,
    pd: f.PdFile = None,
    t1_gd: f.T1GdFile = None,
    lesions: f.LesionsFile = None,
    brain: f.BrainFile = None,
    registration: f.ForecastRegistration = "rigid",
    samples: o.Samples = 32,
    seed: o.Seed = 0,
    denoising_steps: f.DenoisingSteps = 10,
    overwrite: o.Overwrite = False,
    json_: o.Json = False,
    dry_run: f.ForecastDryRun = False,
    model: f.ForecastModel = None,
    device: o.Device = "auto",
    debug: o.Debug = False,
) -> None:
    """Forecast new and enlarging lesions of multiple sclerosis under a treatment.

    No treatment advice: arms from different trials are not one randomisation.

    Examples:
        sequela forecast patient/ --treatment fingolimod --versus placebo --out run/

        sequela forecast flair.nii.gz t1.nii.gz lesions.nii.gz --treatment unknown --out run/
    """
    options = dict(locals())
    with one_sentence(debug=debug):
        check_target(out, overwrite=overwrite)
        request, files = _asked(options)
        if dry_run:
            result(_plan(files, request, out), _plan_words(files), as_json=json_)
            return
        trajectory = _forecast(options, request, files)
        from sequela.render import save_run

        say_notices(trajectory.record.notices)
        save_run(trajectory, out, overwrite=overwrite)
        result(_summary(trajectory, out), f"Report: {out / 'report.html'}", as_json=json_)


def _asked(options: dict[str, Any]) -> tuple[Any, Any]:
    """The request and the files, checked before a model is loaded."""
    from sequela.core.checks import check_choice
    from sequela.simulators.lesions.engine import ForecastRequest
    from sequela.simulators.lesions.files import find_visit
    from sequela.simulators.lesions.forecast import Sampling
    from sequela.simulators.lesions.question import Question

    check_choice("registration", options["registration"], ("rigid", "none"))
    request = ForecastRequest(
        question=Question(
            treatment=options["treatment"],
            horizon_years=parse_duration(options["horizon"]),
            age_years=options["age"],
            edss=options["edss"],
            disease_years=options["disease_years"],
        ),
        versus=tuple(options["versus"] or ()),
        sampling=Sampling(
            samples=options["samples"],
            num_denoising_steps=options["denoising_steps"],
            seed=options["seed"],
        ),
    )
    named = {
        "FLAIR": options["flair"],
        "T1": options["t1"],
        "T2": options["t2"],
        "PD": options["pd"],
        "T1-Gd": options["t1_gd"],
        "lesions": options["lesions"],
        "brain": options["brain"],
    }
    return request, find_visit(options["inputs"] or [], named)


def _forecast(options: dict[str, Any], request: Any, files: Any) -> Trajectory:
    from sequela.backbones.devices import pick_device
    from sequela.simulators.lesions.engine import LesionForecasting
    from sequela.simulators.lesions.files import read_visit
    from sequela.simulators.lesions.model import DEFAULT, load_lesion_model

    visit = read_visit(files)
    device = str(pick_device(options["device"]))
    model = load_lesion_model(options["model"] or DEFAULT, device=device)
    engine = LesionForecasting(model=model, register=options["registration"] == "rigid")
    return engine.simulate(visit.images, request, notices=visit.notices)


def _plan(files: Any, request: Any, out: Path) -> dict[str, Any]:
    return {
        "files": {role: str(path) for role, path in files.paths.items()},
        "request": request.to_json(),
        "run": str(out),
        "notices": list(files.notices),
    }


def _plan_words(files: Any) -> str:
    named = "; ".join(f"{role}: {path.name}" for role, path in files.paths.items())
    return f"Would forecast from {named}. Nothing was written."


def _summary(trajectory: Trajectory, out: Path) -> dict[str, Any]:
    arms = {
        str(branch.arm): dict(branch.states[-1].scores)
        for branch in trajectory.branches
        if branch.states[-1].role == "probability"
    }
    return {
        "run": str(out),
        "report": str(out / "report.html"),
        "arms": arms,
        "notices": list(trajectory.record.notices),
    }
