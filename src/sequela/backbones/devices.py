"""Where and in which precision a model computes."""

from pathlib import Path

import torch

from sequela.backbones.weights import stored_dtype
from sequela.core.checks import check_choice
from sequela.core.errors import InvalidInputError, UnknownNameError

_DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


def pick_device(device: str) -> torch.device:
    """The device of that name; `auto` takes the first accelerator, or else the CPU."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise UnknownNameError(
            f"`device` {device!r} is not known. Known: auto, cpu, cuda, cuda:1, mps."
        ) from error
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise InvalidInputError(
            f"`device` must be present, got {device!r} with {torch.cuda.device_count()} "
            "accelerators. Take auto or cpu."
        )
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise InvalidInputError(
            "`device` must be present, got 'mps' on a machine without Metal. Take auto or cpu."
        )
    return chosen


def pick_dtype(dtype: str, device: torch.device, denoiser: Path) -> torch.dtype:
    """The precision of denoiser and text encoders; `auto` keeps half-precision weights on CUDA."""
    check_choice("dtype", dtype, ["auto", *_DTYPES])
    if dtype == "auto":
        return stored_dtype(denoiser) if device.type == "cuda" else torch.float32
    if device.type == "cpu" and dtype != "float32":
        raise InvalidInputError(
            f"`dtype` must be float32 on a CPU, got {dtype!r}. "
            "Most CPUs compute half precision tens of times slower."
        )
    return _DTYPES[dtype]
