"""`sequela simulate`: one image or many, a disease, and a run folder for each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sequela.cli import options as o
from sequela.cli.console import one_sentence, progress_bar, result, say_notices
from sequela.cli.outputs import check_target
from sequela.cli.parsing import parse_duration, run_names
from sequela.core import Scan, Trajectory


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """Everything one call of `simulate` needs for each of its images."""

    asked: Any  # cli.requests.Asked
    editor: Any  # simulators.editing.ProgressiveEditor
    drawer: Any  # simulators.transition.Engine with weights of its own, or None
    options: dict[str, Any]
    horizon_years: float | None

    def run(self, path: Path, out: Path) -> dict[str, Any]:
        """Simulate one image and write its run folder."""
        from sequela.io import read_scan
        from sequela.render import save_run

        scan = read_scan(path, frame=self.options["frame"])
        with progress_bar(path.name, quiet=self.options["json_"]) as progress:
            trajectory = self.simulate(scan, progress)
        say_notices(trajectory.record.notices)
        save_run(
            trajectory,
            out,
            overwrite=self.options["overwrite"],
            stamped=self.options["stamp"],
            dicom=self.options["dicom"],
            style=video_style(self.options),
        )
        return _summary(path, out, trajectory)

    def simulate(self, scan: Scan, progress: Callable[[int, int], None]) -> Trajectory:
        """The trajectory with its video and asserted times."""
        from sequela.simulators.transition import animate

        brief = self.asked.brief(scan)
        trajectory: Trajectory = self.editor.simulate(
            scan,
            condition=brief.condition,
            region=brief.region,
            protect=brief.protected,
            seed=self.options["seed"],
            samples=self.options["samples"],
            until_change=self.options["until_change"],
            progress=progress,
        )
        trajectory = brief.explain(trajectory)
        if self.horizon_years is not None:
            trajectory = trajectory.with_asserted_horizon(self.horizon_years)
        if self.options["transition"] != "none" and len(trajectory.states) > 1:
            trajectory = animate(
                trajectory,
                self.editor,
                engine=self.options["transition"],
                frames_per_transition=self.options["frames"],
                fps=self.options["fps"],
                outside=self.options["transition_outside"],
                drawer=self.drawer,
                text="" if self.drawer is None else self.options["transition_text"],
            )
        return trajectory


def simulate(  # noqa: PLR0913, PLR0917  # the contract: one parameter for each option
    inputs: o.Inputs,
    out: o.Out,
    disease: o.Disease = None,
    finding: o.FindingOption = None,
    prompt: o.Prompt = None,
    negative_prompt: o.NegativePrompt = "",
    report: o.Report = None,
    baseline_report: o.BaselineReport = None,
    report_reader: o.ReportReader = "rules",
    send_report: o.SendReport = False,
    domain: o.Domain = None,
    skip_domain_check: o.SkipDomainCheck = False,
    region: o.RegionOption = "auto",
    region_box: o.RegionBox = None,
    region_point: o.RegionPoint = None,
    region_model: o.RegionModel = None,
    region_segment: o.RegionSegment = None,
    protect: o.Protect = "auto",
    horizon: o.Horizon = None,
    frame: o.FrameIndex = None,
    preset: o.PresetOption = None,
    steps: o.Steps = None,
    strength: o.Strength = None,
    guidance_scale: o.GuidanceScale = None,
    denoising_steps: o.DenoisingSteps = None,
    keep_inside: o.KeepInside = None,
    keep_outside: o.KeepOutside = None,
    roll_back: o.RollBack = None,
    until_change: o.UntilChange = None,
    resolution: o.Resolution = None,
    seed: o.Seed = 0,
    samples: o.Samples = 1,
    transition: o.Transition = "latent",
    transition_model: o.TransitionModel = None,
    transition_parts: o.TransitionParts = None,
    transition_text: o.TransitionText = "smooth transition",
    transition_outside: o.TransitionOutside = "ramp",
    frames: o.Frames = 12,
    fps: o.Fps = 16.0,
    video_layout: o.VideoLayout = "frames",
    video_label: o.VideoLabel = False,
    dicom: o.Dicom = False,
    stamp: o.Stamp = False,
    overwrite: o.Overwrite = False,
    json_: o.Json = False,
    dry_run: o.DryRun = False,
    model: o.Model = None,
    unet: o.Unet = None,
    device: o.Device = "auto",
    debug: o.Debug = False,
) -> None:
    """Simulate how a disease would change an image.

    Examples:
        sequela simulate chest.dcm --disease pneumonia --out run/

        sequela simulate chest.png --finding "effusion:0.8@left.png" --finding edema --out run/

        sequela simulate chest.dcm --report note.txt --protect pacemaker.png --out run/

        sequela simulate a.png b.png c.png --disease pneumonia --out runs/

        sequela simulate chest.dcm --prompt "A chest X-ray image,Edema" --model my-sd/ --out run/
    """
    options = dict(locals())
    with one_sentence(debug=debug):
        if dry_run and report_reader == "llm":
            from sequela.cli.reports import print_preview

            print_preview(options)
            return
        job, paths, targets = _prepare(options)
        if dry_run:
            from sequela.cli.plan import print_plan

            print_plan(job, paths, targets)
            return
        for path, target in zip(paths, targets, strict=True):
            summary = job.run(path, target)
            result(summary, f"Report: {target / 'report.html'}", as_json=json_)


def _prepare(options: dict[str, Any]) -> tuple[Job, list[Path], list[Path]]:
    """Check options, images and outputs before the model is loaded, then load it once."""
    from sequela.checkpoints import domain_of, model_for, preset_of
    from sequela.cli.drawers import load_drawer
    from sequela.cli.requests import asked_by, expand, settings_from
    from sequela.core.checks import check_choice, check_count, check_positive
    from sequela.io import read_scan
    from sequela.render import check_encoder
    from sequela.simulators.editing import preset
    from sequela.simulators.transition import OUTSIDE, TRANSITIONS, check_fps

    asked = asked_by(options, model_domain=options["model"] and domain_of(options["model"]))
    options["model"] = options["model"] or model_for(asked.instructions.domain)
    named = options["preset"] or preset_of(options["model"])
    settings = preset(named).changed(**settings_from(options))
    horizon = options["horizon"]
    check_count("--samples", options["samples"])
    check_count("--seed", options["seed"], minimum=0)
    check_count("--frames", options["frames"], minimum=2)
    check_fps("--fps", options["fps"])
    if options["until_change"] is not None:
        check_positive("--until-change", options["until_change"])
    check_choice("--transition", options["transition"], (*TRANSITIONS, "none"))
    check_choice("--transition-outside", options["transition_outside"], OUTSIDE)
    if options["transition"] != "none":
        check_encoder()
    video_style(options)  # an unknown layout must not surface hours later
    years = None if horizon is None else parse_duration(horizon)
    paths = expand(options["inputs"])
    targets = _targets(paths, options["out"], overwrite=options["overwrite"])
    for path in paths:  # one damaged file among many must not surface hours later
        asked.check(read_scan(path, frame=options["frame"]))
    drawer = load_drawer(options)
    editor = load_editor(options, settings, asked.instructions.domain)
    job = Job(asked=asked, editor=editor, drawer=drawer, options=options, horizon_years=years)
    return job, paths, targets


def video_style(options: dict[str, Any]) -> Any:
    """How the options lay the film out."""
    from sequela.render import VideoStyle

    return VideoStyle(
        layout=options["video_layout"], labelled=options["video_label"], stamped=options["stamp"]
    )


def load_editor(options: dict[str, Any], settings: Any, domain: str) -> Any:
    """The editor with the model the options name, in the words of a domain."""
    from sequela.backbones import load_backbone
    from sequela.checkpoints import find_model
    from sequela.simulators.editing import ProgressiveEditor

    backbone = load_backbone(
        find_model(options["model"]), unet=options["unet"], device=options["device"]
    )
    return ProgressiveEditor(
        backbone=backbone,
        settings=settings,
        size=options.get("resolution"),
        domain=domain,
    )


def _targets(paths: list[Path], out: Path, *, overwrite: bool) -> list[Path]:
    """One run folder for one image, a folder of run folders for several."""
    targets = [out] if len(paths) == 1 else [out / name for name in run_names(paths)]
    for target in targets:
        check_target(target, overwrite=overwrite)
    return targets


def _summary(path: Path, out: Path, trajectory: Trajectory) -> dict[str, Any]:
    last = trajectory.states[-1]
    return {
        "input": path.name,
        "run": str(out),
        "report": str(out / "report.html"),
        "condition": trajectory.main.condition.label,
        "states": len(trajectory.states),
        "frames": 0 if trajectory.video is None else len(trajectory.video.frames),
        "mean_change": last.scores["mean_change"],
        "notices": list(trajectory.record.notices),
    }
