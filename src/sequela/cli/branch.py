"""`sequela branch`: what if it had gone another way from some state on?"""

from pathlib import Path
from typing import Annotated, Any

import typer

from sequela.cli import options as o
from sequela.cli.console import one_sentence, progress_bar, result
from sequela.cli.outputs import check_target
from sequela.cli.simulate import video_style
from sequela.core import InvalidInputError

RunFolder = Annotated[Path, typer.Argument(help="A run folder.", show_default=False)]


def branch(  # noqa: PLR0913, PLR0917  # the contract: one parameter for each option
    run: RunFolder,
    out: o.Out,
    from_state: Annotated[int, typer.Option("--from", help="State of the main branch to leave.")],
    disease: o.Disease = None,
    finding: o.FindingOption = None,
    prompt: o.Prompt = None,
    negative_prompt: o.NegativePrompt = "",
    region: Annotated[
        Path | None, typer.Option("--region", help="Mask for this branch; default: the run's.")
    ] = None,
    steps: o.Steps = None,
    transition: o.Transition = "latent",
    transition_model: o.TransitionModel = None,
    transition_parts: o.TransitionParts = None,
    transition_text: o.TransitionText = "smooth transition",
    frames: o.Frames = 12,
    fps: o.Fps = 16.0,
    video_layout: o.VideoLayout = "frames",
    video_label: o.VideoLabel = False,
    overwrite: o.Overwrite = False,
    json_: o.Json = False,
    model: Annotated[
        str | None, typer.Option("--model", help="The run's model, if it is not bundled.")
    ] = None,
    unet: o.Unet = None,
    device: o.Device = "auto",
    debug: o.Debug = False,
) -> None:
    """Go on from a state of a run under another condition.

    Examples:
        sequela branch run/ --from 4 --finding "no finding" --out run2/

        sequela branch run/ --from 0 --disease edema --steps 6 --out run2/
    """
    options = dict(locals())
    with one_sentence(debug=debug):
        check_target(out, overwrite=overwrite)
        trajectory = _branched(run, options)
        from sequela.render import save_run

        style = video_style({**options, "stamp": False})
        save_run(trajectory, out, overwrite=overwrite, style=style)
        child = trajectory.branches[-1]
        summary = {
            "run": str(out),
            "report": str(out / "report.html"),
            "branch": child.id,
            "condition": child.condition.label,
            "states": len(child.states),
        }
        result(summary, f"Report: {out / 'report.html'}", as_json=json_)


def _branched(run: Path, options: dict[str, Any]) -> Any:
    from sequela.cli.drawers import load_drawer
    from sequela.cli.requests import asked_by
    from sequela.io import read_run
    from sequela.simulators.transition import animate

    drawer = load_drawer(options)
    trajectory = read_run(run)
    drawn = str(options["region"]) if options["region"] else "none"
    asked = asked_by(
        {**options, "region": drawn}, model_domain=trajectory.record.model.get("domain")
    )
    editor = load_recorded_editor(trajectory, options)
    brief = asked.brief(trajectory.scan)
    brancher = editor.with_steps(options["steps"])
    with progress_bar("branch", quiet=options["json_"]) as progress:
        trajectory = brancher.branch(
            trajectory,
            from_state=options["from_state"],
            condition=brief.condition,
            region=brief.region,
            progress=progress,
        )
    if options["transition"] == "none" or len(trajectory.states) < 2:
        return trajectory
    return animate(
        trajectory,
        editor,
        engine=options["transition"],
        frames_per_transition=options["frames"],
        fps=options["fps"],
        drawer=drawer,
        text="" if drawer is None else options["transition_text"],
    )


def load_recorded_editor(trajectory: Any, options: dict[str, Any]) -> Any:
    """The editor of a run, on its own model or the folder given for it."""
    from sequela.backbones import load_backbone
    from sequela.checkpoints import find_model
    from sequela.simulators.editing.editor import METHOD
    from sequela.simulators.editing.replay import editor_of

    if trajectory.record.method != METHOD:
        raise InvalidInputError(
            f"`run` must be one of {METHOD}, got a run of {trajectory.record.method}, which has no "
            "model to go on with. Simulate from one of its states' files instead."
        )
    name = options["model"] or str(trajectory.record.model.get("name"))
    backbone = load_backbone(find_model(name), unet=options["unet"], device=options["device"])
    return editor_of(trajectory, backbone)
