"""Resume state: one folder that is replaced whole, read without executing anything."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from sequela.core import CheckpointError


@dataclass(frozen=True)
class TrainingState:
    """What a training remembers besides its step number."""

    networks: nn.Module
    averaged: nn.Module
    optimiser: torch.optim.Optimizer


def save_checkpoint(folder: Path, state: TrainingState, *, step: int) -> None:
    """Write networks, their running average and the optimiser's state after `step` updates."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(state.networks.state_dict(), partial / "networks.safetensors")
    save_file(state.averaged.state_dict(), partial / "averaged.safetensors")
    torch.save({"step": step, "optimiser": state.optimiser.state_dict()}, partial / "optimiser.pt")
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.replace(old)
    partial.replace(folder)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(folder: Path, state: TrainingState) -> int:
    """Restore everything and return the number of updates done; 0 when there is no checkpoint."""
    old = folder.with_name(f".{folder.name}.old")
    if not folder.exists() and old.exists():  # killed between the two renames
        old.replace(folder)
    if not folder.exists():
        return 0
    try:
        state.networks.load_state_dict(load_file(folder / "networks.safetensors"))
        state.averaged.load_state_dict(load_file(folder / "averaged.safetensors"))
        stored = torch.load(folder / "optimiser.pt", weights_only=True, map_location="cpu")
        state.optimiser.load_state_dict(stored["optimiser"])
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"`checkpoint` {folder} does not fit this recipe ({str(error).splitlines()[0]}). "
            "Give another --out to start afresh."
        ) from error
    return int(stored["step"])
