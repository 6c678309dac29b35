"""One training loop, readable from top to bottom, for every objective.

Nothing random lives between steps: each draw comes from (seed, step, process), so a run that was
stopped and resumed gives the same weights as one that was not.
"""

import copy
import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from sequela.core import MissingExtraError
from sequela.training.auc_margin import PESG
from sequela.training.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from sequela.training.data import step_generator
from sequela.training.recipe import OptimiserSettings, Recipe


@runtime_checkable
class Objective(Protocol):
    """What is trained, and how well it does."""

    @property
    def networks(self) -> nn.Module:
        """Everything with gradients; called with a batch, it returns named losses."""
        ...

    def batch(self, size: int, generator: torch.Generator, step: int) -> Any:
        """Draw the arguments of one forward pass, on the CPU."""
        ...

    def evaluate(self, averaged: nn.Module, step: int, folder: Path) -> dict[str, float]:
        """Held-out figures of the averaged networks; sample grids go to `folder`."""
        ...

    def export(self, averaged: nn.Module, folder: Path) -> None:
        """Write the averaged networks in the format they are used in."""
        ...


def train(
    objective: Objective,
    recipe: Recipe,
    out: Path,
    *,
    progress: Callable[[int, int, float], None] | None = None,
) -> Path:
    """Train to the recipe's last step, resuming from `out/checkpoint` if it is there.

    Args:
        objective: Networks and losses.
        recipe: Settings.
        out: Folder for checkpoint, curves, samples and the exported model.
        progress: Called with (step, steps, loss) after each update.

    Returns:
        The folder of the exported model.
    """
    accelerator = _accelerator(recipe, out)
    settings = recipe.optimiser
    averaged = copy.deepcopy(objective.networks).requires_grad_(requires_grad=False)
    optimiser = _optimiser(objective.networks, settings)
    state = TrainingState(objective.networks, averaged, optimiser)
    first = load_checkpoint(out / "checkpoint", state)
    networks, prepared = accelerator.prepare(objective.networks, optimiser)
    averaged.to(accelerator.device)
    for step in range(first, settings.steps):
        for group in prepared.param_groups:
            group["lr"] = settings.learning_rate * learning_rate_share(step, settings)
        losses = _update(accelerator, objective, networks, prepared, recipe, step)
        _average(averaged, accelerator.unwrap_model(networks), step, settings.ema_decay)
        done = step + 1
        if accelerator.is_main_process:
            _report(objective, recipe, state, out, done, losses, accelerator)
        if progress is not None:
            progress(done, settings.steps, losses["loss"])
    accelerator.end_training()
    if accelerator.is_main_process:
        objective.export(averaged, out / "model")
    return out / "model"


def _optimiser(networks: nn.Module, settings: OptimiserSettings) -> torch.optim.Optimizer:
    if settings.name == "pesg":
        duals = {id(p) for name, p in networks.named_parameters() if name.endswith(".dual")}
        return PESG(
            [p for p in networks.parameters() if id(p) not in duals],
            [p for p in networks.parameters() if id(p) in duals],
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
    return torch.optim.AdamW(
        networks.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )


def _report(  # noqa: PLR0913, PLR0917  # split off `train` to keep that readable
    objective: Objective,
    recipe: Recipe,
    state: TrainingState,
    out: Path,
    done: int,
    losses: dict[str, float],
    accelerator: Any,
) -> None:
    """Write what is due after `done` updates: a line, held-out figures, a checkpoint."""
    last = done == recipe.optimiser.steps
    if done % recipe.log.every == 0 or last:
        _log(accelerator, out / "curves.csv", done, losses)
    if done % recipe.log.evaluate_every == 0 or last:
        figures = objective.evaluate(state.averaged, done, out / "samples")
        _log(accelerator, out / "held_out.csv", done, figures)
    if done % recipe.log.checkpoint_every == 0 or last:
        save_checkpoint(out / "checkpoint", state, step=done)


def learning_rate_share(step: int, settings: OptimiserSettings) -> float:
    """Linear warm-up to 1, then a cosine to 0 at the last step."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    done = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * done))


def _update(
    accelerator: Any, objective: Objective, networks: Any, optimiser: Any, recipe: Recipe, step: int
) -> dict[str, float]:
    settings = recipe.optimiser
    figures: dict[str, float] = {}
    for part in range(settings.accumulation):
        generator = step_generator(recipe.seed, step, part, accelerator.process_index)
        batch = _to_device(
            objective.batch(settings.batch_size, generator, step), accelerator.device
        )
        with torch.random.fork_rng():
            # dropout draws from the global state; inside the fork it follows the step like the rest
            torch.manual_seed(generator.initial_seed())
            losses: dict[str, Tensor] = networks(*batch)
        accelerator.backward(losses["loss"] / settings.accumulation)
        for name, value in losses.items():
            figures[name] = figures.get(name, 0.0) + float(value.detach()) / settings.accumulation
    accelerator.clip_grad_norm_(networks.parameters(), settings.clip_norm)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return figures


@torch.no_grad()
def _average(averaged: nn.Module, networks: nn.Module, step: int, decay: float) -> None:
    # A young average forgets quickly, or the random start would linger for 1 / (1 - decay) steps.
    weight = 1 - min(decay, (1 + step) / (10 + step))
    for mean, value in zip(averaged.parameters(), networks.parameters(), strict=True):
        mean.lerp_(value, weight)
    for kept, buffer in zip(averaged.buffers(), networks.buffers(), strict=True):
        kept.copy_(buffer)


def _to_device(batch: tuple[Any, ...], device: torch.device) -> tuple[Any, ...]:
    return tuple(x.to(device) if isinstance(x, Tensor) else x for x in batch)


def _log(accelerator: Any, table: Path, step: int, figures: dict[str, float]) -> None:
    accelerator.log(figures, step=step)
    is_new = not table.exists()
    with table.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        if is_new:
            writer.writerow(["step", *figures])
        writer.writerow([step, *(f"{value:.6g}" for value in figures.values())])


def _accelerator(recipe: Recipe, out: Path) -> Any:
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise MissingExtraError(
            "`sequela train` needs accelerate. Install it with: pip install 'sequela[train]'."
        ) from error
    out.mkdir(parents=True, exist_ok=True)
    accelerator = Accelerator(
        mixed_precision=recipe.optimiser.mixed_precision,
        log_with="tensorboard",
        project_dir=out,
    )
    accelerator.init_trackers("log")
    return accelerator
