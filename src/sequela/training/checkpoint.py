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
    """What a training remembers besides its step number; frozen weights are not part of it."""

    networks: nn.Module
    averaged: nn.Module
    optimiser: torch.optim.Optimizer

    @property
    def frozen(self) -> set[str]:
        """Names of the weights that stay as they were loaded; shared ones have several."""
        named = self.networks.named_parameters(remove_duplicate=False)
        return {name for name, p in named if not p.requires_grad}

    def learned(self, module: nn.Module) -> dict[str, torch.Tensor]:
        """All other tensors of the networks, or of their running average."""
        frozen = self.frozen
        return {k: v for k, v in module.state_dict().items() if k not in frozen}

    def restore(self, module: nn.Module, file: Path) -> None:
        """Put stored tensors in their places; every learned one must be there, and no other."""
        missing, surplus = module.load_state_dict(load_file(file), strict=False)
        if surplus or set(missing) - self.frozen:
            raise ValueError(f"{len(missing)} tensors are missing, {len(surplus)} have no place")


def save_checkpoint(folder: Path, state: TrainingState, *, step: int) -> None:
    """Write networks, their running average and the optimiser's state after `step` updates."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(state.learned(state.networks), partial / "networks.safetensors")
    if state.averaged is not state.networks:
        save_file(state.learned(state.averaged), partial / "averaged.safetensors")
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
        state.restore(state.networks, folder / "networks.safetensors")
        if state.averaged is not state.networks:
            state.restore(state.averaged, folder / "averaged.safetensors")
        stored = torch.load(folder / "optimiser.pt", weights_only=True, map_location="cpu")
        state.optimiser.load_state_dict(stored["optimiser"])
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"`checkpoint` {folder} does not fit this recipe ({str(error).splitlines()[0]}). "
            "Give another --out to start afresh."
        ) from error
    return int(stored["step"])
