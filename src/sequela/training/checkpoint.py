"""Resume state: one folder that is replaced whole, read without executing anything."""

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from sequela.core import CheckpointError


def save_checkpoint(
    folder: Path, *, step: int, networks: nn.Module, averaged: nn.Module, optimiser: Any
) -> None:
    """Write networks, their running average and the optimiser's state after `step` updates."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(networks.state_dict(), partial / "networks.safetensors")
    save_file(averaged.state_dict(), partial / "averaged.safetensors")
    torch.save({"step": step, "optimiser": optimiser.state_dict()}, partial / "optimiser.pt")
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(partial, folder)
    shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(
    folder: Path, *, networks: nn.Module, averaged: nn.Module, optimiser: Any
) -> int:
    """Restore everything and return the number of updates done; 0 when there is no checkpoint."""
    old = folder.with_name(f".{folder.name}.old")
    if not folder.exists() and old.exists():  # killed between the two renames
        os.replace(old, folder)
    if not folder.exists():
        return 0
    try:
        networks.load_state_dict(load_file(folder / "networks.safetensors"))
        averaged.load_state_dict(load_file(folder / "averaged.safetensors"))
        state = torch.load(folder / "optimiser.pt", weights_only=True, map_location="cpu")
        optimiser.load_state_dict(state["optimiser"])
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"`checkpoint` {folder} does not fit this recipe ({str(error).splitlines()[0]}). "
            "Give another --out to start afresh."
        ) from error
    return int(state["step"])
