"""`sequela replay` and `sequela view`: make a recorded run again, or look at it."""

import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from sequela.cli import options as o
from sequela.cli.branch import load_recorded_editor
from sequela.cli.console import one_sentence, progress_bar, result
from sequela.cli.outputs import check_target
from sequela.core import Trajectory, UnreadableFileError


def replay(  # noqa: PLR0913, PLR0917  # the contract: one parameter for each option
    record: Annotated[
        Path, typer.Argument(help="record.json of a run, or its folder.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="Also write the replayed run there.")
    ] = None,
    overwrite: o.Overwrite = False,
    json_: o.Json = False,
    model: Annotated[
        str | None, typer.Option("--model", help="The run's model, if it is not bundled.")
    ] = None,
    unet: o.Unet = None,
    device: o.Device = "auto",
    debug: o.Debug = False,
) -> None:
    """Make a recorded run again and say how the two differ.

    On the same machine with the same number of threads the difference is 0.

    Examples:
        sequela replay run/record.json

        sequela replay run/ --out again/
    """
    options = dict(locals())
    with one_sentence(debug=debug):
        if out is not None:
            check_target(out, overwrite=overwrite)
        folder = record.parent if record.name == "record.json" else record
        summary = _replayed(folder, options)
        sentence = (
            "Identical: every state equals the recorded one."
            if summary["largest"] == 0
            else f"Different: {summary['share']:.2%} of pixels, by at most {summary['largest']:g} "
            "stored units. Another machine, thread count or version rounds differently."
        )
        result(summary, sentence, as_json=json_)


def view(
    run: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    debug: o.Debug = False,
) -> None:
    """Open the report page of a run.

    Example:
        sequela view run/
    """
    with one_sentence(debug=debug):
        page = run / "report.html"
        if not page.is_file():
            raise UnreadableFileError(
                f"`run` must be a run folder with a report.html, got {run}. "
                "Name the folder given to --out."
            )
        typer.echo(f"Report: {page}")
        webbrowser.open(page.resolve().as_uri())


def _replayed(folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    import torch

    from sequela.io import read_run
    from sequela.render import save_run
    from sequela.simulators.editing.replay import compare
    from sequela.simulators.editing.replay import replay as simulate_again

    recorded = read_run(folder)
    # the order of sums, and so the last bits, depend on the number of threads
    torch.set_num_threads(recorded.record.threads)
    if recorded.record.method in ("lung-forecast", "population-drift"):
        again = _extrapolated_again(recorded, options)
    elif recorded.record.method == "bridge":
        again = _bridged_again(recorded, options)
    elif recorded.record.method == "lesion-forecast":
        again = _forecast_again(recorded, options)
    else:
        editor = load_recorded_editor(recorded, options)
        with progress_bar("replay", quiet=options["json_"]) as progress:
            again = simulate_again(recorded, editor, progress=progress)
    difference = compare(recorded, again)
    if options["out"] is not None:
        save_run(again, options["out"], overwrite=options["overwrite"])
    return {"largest": difference.largest, "share": difference.share}


def _extrapolated_again(recorded: Trajectory, options: dict[str, Any]) -> Trajectory:
    from sequela.simulators.lungs.extrapolate import extrapolate_again
    from sequela.simulators.lungs.model import DEFAULT, load_lung_model
    from sequela.simulators.lungs.population import load_population

    name = str(recorded.record.model.get("name"))
    is_drift = name == "none"
    model = load_lung_model(options["model"] or (DEFAULT if is_drift else name))
    return extrapolate_again(recorded, model, load_population() if is_drift else None)


def _bridged_again(recorded: Trajectory, options: dict[str, Any]) -> Trajectory:
    from sequela.simulators.transition import bridge_again

    name = str(recorded.record.model.get("name"))
    if name == "none":
        return bridge_again(recorded)
    from sequela.backbones import load_backbone
    from sequela.checkpoints import find_model

    folder = find_model(options["model"] or name)
    return bridge_again(recorded, load_backbone(folder, device=options["device"]))


def _forecast_again(recorded: Trajectory, options: dict[str, Any]) -> Trajectory:
    from sequela.backbones.devices import pick_device
    from sequela.simulators.lesions.engine import forecast_again
    from sequela.simulators.lesions.model import load_lesion_model

    name = options["model"] or str(recorded.record.model.get("name"))
    device = str(pick_device(options["device"]))
    return forecast_again(recorded, load_lesion_model(name, device=device))
