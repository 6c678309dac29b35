"""One training loop, readable from top to bottom, for every objective.

Nothing random lives between steps: each draw comes from (seed, step, piece of the batch), so a run
that was stopped and resumed gives the same weights as one that was not, and so does one whose
pieces are shared out among several processes, but for the rounding of sums.
"""

import copy
import importlib
import math
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from sequela.core import MissingExtraError
from sequela.training.auc_margin import PESG
from sequela.training.batches import Batches
from sequela.training.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from sequela.training.curves import append_row, drop_rows_after
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
    averaged = _copied(objective.networks) if settings.ema_decay else objective.networks
    optimiser = _optimiser(objective.networks, settings)
    state = TrainingState(objective.networks, averaged, optimiser)
    first = load_checkpoint(out / "checkpoint", state)
    networks, prepared = accelerator.prepare(objective.networks, optimiser)
    averaged.to(accelerator.device)
    for table in ("curves.csv", "held_out.csv") if accelerator.is_main_process else ():
        drop_rows_after(out / table, first)
    batches = Batches(objective.batch, recipe, accelerator, first)
    for step in range(first, settings.steps):
        for group in prepared.param_groups:
            group["lr"] = settings.learning_rate * learning_rate_share(step, settings)
        losses = _update(accelerator, batches, networks, prepared, settings)
        _average(averaged, accelerator.unwrap_model(networks), step, settings.ema_decay)
        done = step + 1
        if accelerator.is_main_process:
            _report(objective, recipe, state, out, done, losses, accelerator)
        if progress is not None:
            progress(done, settings.steps, losses["loss"])
    if accelerator.is_main_process:
        objective.export(averaged, out / "model")
    accelerator.wait_for_everyone()
    accelerator.end_training()
    return out / "model"


def _copied(networks: nn.Module) -> nn.Module:
    """A copy that shares the frozen weights, which may be most of them."""
    shared = {id(p): p for p in networks.parameters() if not p.requires_grad}
    return copy.deepcopy(networks, shared).requires_grad_(requires_grad=False)


def _optimiser(networks: nn.Module, settings: OptimiserSettings) -> torch.optim.Optimizer:
    if settings.name == "pesg":
        duals = {id(p) for name, p in networks.named_parameters() if name.endswith(".dual")}
        return PESG(
            [p for p in networks.parameters() if id(p) not in duals],
            [p for p in networks.parameters() if id(p) in duals],
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
        )
    learned = [p for p in networks.parameters() if p.requires_grad]
    rate, decay = settings.learning_rate, settings.weight_decay
    betas = (settings.betas[0], settings.betas[1])
    return torch.optim.AdamW(learned, lr=rate, betas=betas, weight_decay=decay)


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
    accelerator: Any, batches: Batches, networks: Any, optimiser: Any, settings: OptimiserSettings
) -> dict[str, float]:
    """One update, from all pieces of its batch; one schedule step, whatever their number."""
    parts, figures = len(batches.own), dict[str, Tensor]()
    for part in range(parts):
        batch, seed = batches.take()
        is_last = part == parts - 1
        # the processes' gradients are averaged once, with the last piece
        with nullcontext() if is_last else accelerator.no_sync(networks):
            with torch.random.fork_rng():
                # dropout draws from the global state; inside the fork it follows the step as well
                torch.manual_seed(seed)
                losses: dict[str, Tensor] = networks(*_to_device(batch, accelerator.device))
            accelerator.backward(losses["loss"] / parts)
        for name, value in losses.items():
            figures[name] = figures.get(name, 0.0) + value.detach().float() / parts
    accelerator.clip_grad_norm_(networks.parameters(), settings.clip_norm)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    batches.settle()
    return {name: float(accelerator.reduce(v, "mean")) for name, v in figures.items()}


@torch.no_grad()
def _average(averaged: nn.Module, networks: nn.Module, step: int, decay: float) -> None:
    # A young average forgets quickly, or the random start would linger for 1 / (1 - decay) steps.
    weight = 1 - min(decay, (1 + step) / (10 + step))
    for mean, value in zip(averaged.parameters(), networks.parameters(), strict=True):
        if mean is not value:  # frozen weights are shared; without an average, all are
            mean.lerp_(value, weight)
    for kept, buffer in zip(averaged.buffers(), networks.buffers(), strict=True):
        kept.copy_(buffer)


def _to_device(batch: tuple[Any, ...], device: torch.device) -> tuple[Any, ...]:
    return tuple(x.to(device) if isinstance(x, Tensor) else x for x in batch)


def _log(accelerator: Any, table: Path, step: int, figures: dict[str, float]) -> None:
    accelerator.log(figures, step=step)
    append_row(table, step, figures)


def device_of_process() -> torch.device:
    """Where this process trains: its own accelerator, or else the CPU."""
    device: torch.device = _accelerate().PartialState().device
    return device


def _accelerate() -> Any:
    try:
        return importlib.import_module("accelerate")
    except ImportError as error:
        raise MissingExtraError(
            "`sequela train` needs accelerate. Install it with: pip install 'sequela[train]'."
        ) from error


def _accelerator(recipe: Recipe, out: Path) -> Any:
    out.mkdir(parents=True, exist_ok=True)
    accelerator = _accelerate().Accelerator(
        mixed_precision=recipe.optimiser.mixed_precision,
        log_with="tensorboard",
        project_dir=out,
    )
    accelerator.init_trackers("log")
    return accelerator
