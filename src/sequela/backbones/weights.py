"""Load the weights of one component strictly: safetensors only, every tensor accounted for."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from sequela.backbones.folder import CONVERT, PICKLED, any_file, read_json
from sequela.core.errors import CheckpointError

_SHOWN = 5  # tensor names in a message


def load_component(cls: Any, folder: Path, dtype: torch.dtype) -> Any:
    """A network of `cls` with the weights in `folder`, frozen, in evaluation mode.

    Args:
        cls: A model class of diffusers or transformers.
        folder: Holds `config.json` and safetensors.
        dtype: What the weights are brought to.
    """
    from safetensors import SafetensorError

    variant = {"variant": "fp16"} if _only_half(folder) else {}
    weight_files(folder)  # refuses pickles before any library looks at them
    try:
        with quiet():
            network, report = cls.from_pretrained(
                str(folder),
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # so that they are listed below with the others
                local_files_only=True,
                **_dtype_argument(cls, dtype),
                **variant,
            )
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"`model` has damaged or foreign weights in {folder.name}: {reason}. Fetch them again."
        ) from error
    _refuse_mismatch(folder.name, report)
    return network.eval().requires_grad_(False)


def codec_class(vae: Path) -> Any:
    """What the image codec in a folder is: our linear one, or else diffusers' AutoencoderKL."""
    config = vae / "config.json"
    if config.is_file() and read_json(config).get("_class_name") == "PatchCodec":
        from sequela.backbones.patch_codec import PatchCodec

        return PatchCodec
    from diffusers import AutoencoderKL

    return AutoencoderKL


def weight_files(folder: Path) -> list[Path]:
    """The safetensors of a component that are loaded, sorted by name."""
    found = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    whole = [f for f in found if ".fp16" not in f.name and ".non_ema" not in f.name]
    chosen = whole or [f for f in found if ".fp16" in f.name]
    if chosen:
        return chosen
    if folder.is_dir() and any_file(folder, PICKLED):
        raise CheckpointError(f"`model` has only pickled weights in {folder.name}. {CONVERT}")
    raise CheckpointError(
        f"`model` has no weights in {folder.name}: no .safetensors there. Fetch the model again."
    )


def stored_dtype(folder: Path) -> torch.dtype:
    """The floating-point type the weights of a component are stored in."""
    from safetensors import safe_open

    with safe_open(weight_files(folder)[0], framework="pt") as tensors:
        name = next(iter(tensors.keys()))
        kinds = {"F16": torch.float16, "BF16": torch.bfloat16}
        return kinds.get(tensors.get_slice(name).get_dtype(), torch.float32)


@contextmanager
def quiet() -> Iterator[None]:
    """No bars and no reports from the libraries: what matters becomes one sentence of ours."""
    from diffusers.utils import logging as diffusers_log
    from transformers.utils import logging as transformers_log

    with ExitStack() as undo:
        for log in (diffusers_log, transformers_log):
            _hush(log, undo)
        yield


def _hush(log: Any, undo: ExitStack) -> None:
    if log.is_progress_bar_enabled():
        undo.callback(log.enable_progress_bar)
    undo.callback(log.set_verbosity, log.get_verbosity())
    log.disable_progress_bar()
    log.set_verbosity_error()


def _only_half(folder: Path) -> bool:
    return all(".fp16" in file.name for file in weight_files(folder))


def _dtype_argument(cls: Any, dtype: torch.dtype) -> dict[str, Any]:
    if cls.__module__.startswith("diffusers."):
        # Without accelerate the low-memory path does not exist; asking for it only warns. Networks
        # of which some layers stay in float32 know no other path.
        return {"torch_dtype": dtype, "low_cpu_mem_usage": bool(cls._keep_in_fp32_modules)}
    return {"dtype": dtype}


def _refuse_mismatch(component: str, report: dict[str, Any]) -> None:
    found = {
        "missing": _names(report["missing_keys"]),
        # Stored by old versions of CLIP, computed by new ones.
        "surplus": [n for n in _names(report["unexpected_keys"]) if "position_ids" not in n],
        "reshaped": _names(report["mismatched_keys"]),
    }
    faults = [f"{kind}: {listed(names)}" for kind, names in found.items() if names]
    if faults:
        raise CheckpointError(
            f"`model` has weights in {component} that do not fit its config.json; "
            f"{'; '.join(faults)}. Take weights and config from the same model."
        )


def _names(keys: Iterable[Any]) -> list[str]:
    return sorted(key if isinstance(key, str) else str(key[0]) for key in keys)


def listed(names: list[str]) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
