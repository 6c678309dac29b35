"""Put fine-tuned weights in a model's denoiser: a whole network, or a LoRA that is merged in."""

import importlib
from pathlib import Path
from typing import Any

import torch

from sequela.backbones.folder import CONVERT, PICKLED, any_file, read_json
from sequela.backbones.weights import load_component, weight_files
from sequela.core.errors import CheckpointError, MissingExtraError, UnknownNameError

_LORA_FILE = "pytorch_lora_weights.safetensors"


def finetuned_files(unet: Path, cls: Any, component: str) -> list[Path]:
    """The weight files that `--unet` stands for.

    Args:
        unet: What the user gave: a folder, or a LoRA file.
        cls: The class of the model's denoiser.
        component: Its folder in a model, `unet` or `transformer`.
    """
    if not unet.exists():
        raise UnknownNameError(f"`unet` {unet.name!r} does not exist. Check the path.")
    if unet.is_file():
        if unet.suffix != ".safetensors":
            raise CheckpointError(f"`unet` must be a folder or .safetensors. {CONVERT}")
        return [unet]
    if (unet / _LORA_FILE).is_file():
        return [unet / _LORA_FILE]
    return weight_files(_network_folder(unet, cls.__name__, component))


def is_lora(files: list[Path]) -> bool:
    """Whether these weights are low-rank changes and not a whole network."""
    from safetensors import safe_open

    with safe_open(files[0], framework="pt") as tensors:
        names = list(tensors.keys())
    return any("lora" in name for name in names)


def load_finetuned(files: list[Path], cls: Any, dtype: torch.dtype) -> Any:
    """The fine-tuned network in the folder of those files."""
    if not (files[0].parent / "config.json").is_file():
        raise CheckpointError(
            f"`unet` {files[0].name!r} is neither a LoRA nor in a folder with its config.json. "
            "Give the folder that save_pretrained wrote."
        )
    return load_component(cls, files[0].parent, dtype)


def merge_lora(network: Any, file: Path, component: str) -> None:
    """Add the low-rank changes in a file to a network's weights, for good.

    Args:
        network: The model's denoiser; changed in place.
        file: LoRA weights as diffusers, peft or the kohya scripts write them.
        component: `unet` or `transformer`.
    """
    _need_peft()
    state, alphas = _lora_state(network, file, component)
    foreign = sorted({key.split(".")[0] for key in state} - {component})
    if foreign:
        raise CheckpointError(
            f"`unet` {file.name!r} also changes {', '.join(foreign)}. Only a LoRA of the "
            f"{component} alone can be merged; export it without the others."
        )
    try:
        network.load_lora_adapter(
            state, prefix=component, network_alphas=alphas, adapter_name="finetuned"
        )
    except (ValueError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(
            f"`unet` {file.name!r} does not fit the model's {component}: {reason}. "
            "Take a LoRA trained on the same family."
        ) from error
    merged = sum("lora_A" in name or "lora_B" in name for name, _ in network.named_parameters())
    if merged < len(state) or not merged:
        raise CheckpointError(
            f"`unet` {file.name!r} holds {len(state)} low-rank tensors of which {merged} have a "
            f"place in the model's {component}. Take a LoRA trained on the same family."
        )
    network.fuse_lora()
    network.unload_lora()
    network.requires_grad_(False)


def _network_folder(unet: Path, class_name: str, component: str) -> Path:
    # Several-GPU runs of the published training script saved the UNet as `text_encoder`
    # (huggingface/diffusers#2843), so the folder's name proves nothing: the config does.
    for folder in (unet / component, unet / "text_encoder", unet):
        config = folder / "config.json"
        if config.is_file() and read_json(config).get("_class_name") == class_name:
            return folder
    if any_file(unet, PICKLED):
        raise CheckpointError(f"`unet` {unet.name!r} holds pickled weights. {CONVERT}")
    raise CheckpointError(
        f"`unet` {unet.name!r} holds no {class_name}: not under {component}, not under "
        f"text_encoder, not itself. Give the folder of a fine-tuned {class_name} or a LoRA."
    )


def _lora_state(network: Any, file: Path, component: str) -> tuple[dict[str, Any], Any]:
    from diffusers.loaders.lora_pipeline import StableDiffusionLoraLoaderMixin
    from safetensors.torch import load_file

    state, alphas = load_file(file), None
    if component == "unet" and any(key.startswith("lora_unet") for key in state):
        state, alphas = StableDiffusionLoraLoaderMixin.lora_state_dict(
            state, unet_config=network.config
        )
    known = (f"{component}.", "text_encoder.", "text_encoder_2.", "text_encoder_3.")
    bare = {key: key if key.startswith(known) else f"{component}.{key}" for key in state}
    return {bare[key]: value for key, value in state.items()}, alphas


def _need_peft() -> None:
    try:
        importlib.import_module("peft")
    except ImportError as error:
        raise MissingExtraError(
            "`unet` is a LoRA, which needs peft, and peft is not installed. "
            'Install the extra: pip install "sequela[lora]".'
        ) from error
