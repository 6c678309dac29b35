"""Baselines on the same backbone and in the same region: one step, a walk, a direction of style."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from sequela.core import Condition, InvalidInputError, Scan, State
from sequela.diffusion import NoiseSource, TextEmbedding, guided, invert, solver_named
from sequela.imaging import Fit, channels_first, match_channels, to_model_range
from sequela.simulators.baselines.task import Task
from sequela.simulators.editing import Case, ProgressiveEditor

Path = Float[Tensor, "state latent height width"]
Latent = Float[Tensor, "1 latent height width"]


def progressive(editor: ProgressiveEditor, task: Task) -> tuple[State, ...]:
    """Progressive editing itself: the method under test."""
    return editor.simulate(
        task.scan, condition=task.condition, region=task.region, seed=task.seed
    ).states


def one_step(editor: ProgressiveEditor, task: Task) -> tuple[State, ...]:
    """All of the change in one edit, shown in even parts of its latent difference.

    The single edit rolls back as far as the editor's steps do and keeps all of its change.
    """
    single = editor.with_steps(1)
    whole = single.settings.changed(keep_inside=1.0)
    latents = ProgressiveEditor(
        backbone=editor.backbone, settings=whole, domain=editor.domain, size=editor.size
    ).latents(task.scan, condition=task.condition, region=task.region, seed=task.seed)
    case = editor.case(task.scan, task.region, None)
    return _shown(case, _line(latents[:1], latents[1:], editor.settings.num_steps))


def walk(editor: ProgressiveEditor, task: Task) -> tuple[State, ...]:
    """A walk through noise and text: each state is drawn anew, from noise to image.

    The noise turns on the sphere from the one that draws the baseline, found by inversion, to a
    random one; the text moves in a straight line from "no finding" to the condition.

    Source: the published "Stable Diffusion walk" baseline of Liang et al., arXiv:2309.11745; there
    from a random noise, so that the patient was not kept.
    """
    case = editor.case(task.scan, task.region, None)
    backbone, settings = editor.backbone, editor.settings
    solver = solver_named("ddim")
    timesteps = solver.timesteps(backbone.schedule, 2 * settings.num_denoising_steps, 1.0)
    baseline = case.posterior.mean
    with torch.inference_mode():
        plain = backbone.embed([""])
        start = invert(
            baseline, backbone.schedule, timesteps, lambda z, t: backbone.denoise(z, t, plain)
        )[0]
        normal = NoiseSource(task.seed).normal(tuple(baseline.shape[1:]), sample=0, step=0, draw=0)
        shares = _shares(settings.num_steps)
        noisy = torch.cat([slerp(start, normal[None].to(start), share) for share in shares])
        texts = _between(_texts(editor, task.condition), shares)
        stepper = solver.start(backbone.schedule, timesteps)
        for index, timestep in enumerate(timesteps):
            towards = backbone.denoise(noisy, timestep, texts)
            away = backbone.denoise(noisy, timestep, plain)
            output = guided(away, [towards], [1.0], [None], settings.guidance_scale)
            noisy = stepper.step(output, noisy, index)
    return _shown(case, torch.cat([baseline, _inside(case, baseline, noisy)]))


def style(editor: ProgressiveEditor, task: Task, direction: Latent) -> tuple[State, ...]:
    """A straight line in latent space from what is healthy on average to what is ill.

    Args:
        editor: Whose codec and number of steps are used.
        task: What to simulate; its condition is not read, the direction stands for it.
        direction: From `class_direction`.

    Source: Liang et al., arXiv:2309.11745, equation (31).
    """
    case = editor.case(task.scan, task.region, None)
    baseline = case.posterior.mean
    if direction.shape != baseline.shape:
        raise InvalidInputError(
            f"`direction` must have the shape of the latents, {tuple(baseline.shape)}, got "
            f"{tuple(direction.shape)}. Make it with this editor's own codec."
        )
    line = _line(baseline, baseline + direction.to(baseline), editor.settings.num_steps)
    return _shown(case, torch.cat([baseline, _inside(case, baseline, line[1:])]))


def class_direction(
    editor: ProgressiveEditor, healthy: Sequence[Scan], ill: Sequence[Scan]
) -> Latent:
    """Mean latents of ill scans minus those of healthy ones; both of the training split."""
    for name, scans in (("healthy", healthy), ("ill", ill)):
        if not scans:
            raise InvalidInputError(f"`{name}` must hold at least one scan to average, got none.")
    return _mean_latents(editor, ill) - _mean_latents(editor, healthy)


def slerp(first: Tensor, last: Tensor, share: float) -> Tensor:
    """The point at `share` of the way on the great circle between two noises.

    Source: Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985.
    """
    cosine = (first * last).sum() / (first.norm() * last.norm())
    angle = torch.arccos(cosine.clamp(-1, 1))
    if angle.sin() < 1e-4:  # the same direction, where the formula divides by 0
        return first + share * (last - first)
    return (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * last) / angle.sin()


def _texts(editor: ProgressiveEditor, condition: Condition) -> TextEmbedding:
    """The reference and the condition; several findings are read as one text."""
    words = editor.vocabulary
    asked = ", ".join(finding.text for finding in condition.findings)
    return editor.backbone.embed([words.prompt([words.reference]), asked])


def _between(ends: TextEmbedding, shares: Sequence[float]) -> TextEmbedding:
    def mixed(values: Tensor) -> Tensor:
        return torch.stack([values[0] + share * (values[1] - values[0]) for share in shares])

    return TextEmbedding(
        tokens=mixed(ends.tokens),
        extra={name: mixed(value) for name, value in ends.extra.items()},
        truncated=("",) * len(shares),
    )


def _inside(case: Case, baseline: Tensor, latents: Path) -> Path:
    """The latents inside the region, the baseline's outside."""
    region = case.latent_region()
    return latents if region is None else baseline + region * (latents - baseline)


def _line(first: Tensor, last: Tensor, steps: int) -> Path:
    shares = [0.0, *_shares(steps)]
    return torch.cat([first + share * (last - first) for share in shares])


def _shares(steps: int) -> list[float]:
    return [step / steps for step in range(1, steps + 1)]


def _shown(case: Case, latents: Path) -> tuple[State, ...]:
    return case.states(latents, range(len(latents)))


def _mean_latents(editor: ProgressiveEditor, scans: Sequence[Scan]) -> Latent:
    total: Tensor | None = None
    size = editor.size or editor.backbone.image_size
    for scan in scans:
        image = match_channels(
            channels_first(to_model_range(scan.array, scan.window)), editor.backbone.image_channels
        )
        square = torch.from_numpy(Fit.of(scan.plane, size).forward(image).copy())[None]
        mean = editor.backbone.encode(square.to(editor.backbone.device)).mean
        total = mean if total is None else total + mean
    assert total is not None  # noqa: S101  # the caller saw that there is a scan
    return total / len(scans)
