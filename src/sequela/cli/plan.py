"""`--dry-run`: what would be done, how much memory and how long, without writing anything."""

import time
from pathlib import Path
from typing import Any

import torch
import typer

from sequela.diffusion import solver_named

_PROGRAM_MB = 900  # interpreter, torch and diffusers, measured with chest-mini loaded
_COPIES = 12  # float32 copies of a full-size image alive while a state is composed, measured


def print_plan(job: Any, paths: list[Path], targets: list[Path]) -> None:
    """Print plan, memory and time; one evaluation of the network is timed for the estimate."""
    from sequela.io import read_scan

    editor, settings = job.editor, job.editor.settings
    scan = read_scan(paths[0], frame=job.options["frame"])
    brief = job.asked.brief(scan)
    condition, notices = brief.condition, brief.notices
    samples = job.options["samples"]
    timesteps = solver_named(settings.solver).timesteps(
        editor.backbone.schedule, settings.num_denoising_steps, settings.strength
    )
    texts = 1 + len(condition.findings)
    late = settings.reuse_guidance_below * len(editor.backbone.schedule)
    asked = sum(1 if timestep < late else texts for timestep in timesteps)
    if settings.roll_back == "inversion":
        asked += len(timesteps)
    evaluations = settings.num_steps * asked
    seconds = _seconds_of_one(editor, batch=samples)
    megapixels = scan.space[0] * scan.space[1] / 1e6
    states_mb = (settings.num_steps + 1) * samples * scan.array.nbytes / 1e6
    memory = _PROGRAM_MB + editor.backbone.card.get("size_mb", 0) + states_mb
    memory += 4 * _COPIES * megapixels
    size = editor.size or editor.backbone.image_size
    lines = [
        f"Images     {len(paths)}; the first is {scan.space[1]}x{scan.space[0]} {scan.array.dtype}",
        f"Model      {editor.backbone.name} at {size} px on {editor.backbone.device}",
        f"Condition  {condition.label}",
        f"Steps      {settings.num_steps}, each {len(timesteps)} denoising steps of {texts} texts",
        f"Memory     about {memory / 1000:.1f} GB",
        f"Time       about {evaluations * seconds * len(paths):.0f} s of denoising",
        f"Output     {targets[0]}" + (f" and {len(targets) - 1} more" if targets[1:] else ""),
        *(f"Notice     {notice}" for notice in notices),
        "Nothing was written.",
    ]
    typer.echo("\n".join(lines))


def _seconds_of_one(editor: Any, *, batch: int) -> float:
    backbone = editor.backbone
    size = editor.size or backbone.image_size
    shape = (1, backbone.image_channels, size, size)
    with torch.inference_mode():
        latents = backbone.encode(torch.zeros(shape, device=backbone.device)).mean
        latents = latents.repeat(batch, 1, 1, 1)
        embedding = backbone.embed([""]).select([0] * batch)
        backbone.denoise(latents, 1, embedding)  # the first call also warms up
        begin = time.perf_counter()
        backbone.denoise(latents, 1, embedding)
    return time.perf_counter() - begin
