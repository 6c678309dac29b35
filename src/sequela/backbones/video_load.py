"""Load a video model strictly: safetensors only, every tensor accounted for, known classes only.

Which kind a model is, is told from its `model_index.json`; only the classes listed in
`video_families` are ever made, whatever the file names.
"""

import importlib.util
import logging
from pathlib import Path
from typing import Any

import torch

from sequela.backbones.card import hash_files
from sequela.backbones.devices import pick_device, pick_dtype
from sequela.backbones.folder import CONVERT, PICKLED, any_file, locate, read_json
from sequela.backbones.video_families import FAMILIES, VideoFamily
from sequela.backbones.video_pipelines import VideoModel
from sequela.backbones.weights import load_component, quiet, weight_files
from sequela.core.checks import check_choice
from sequela.core.errors import CheckpointError, InvalidInputError, MissingExtraError

OFFLOADS = ("auto", "none", "model", "sequential")
_SCHEDULERS = (
    "CogVideoXDDIMScheduler",
    "CogVideoXDPMScheduler",
    "FlowMatchEulerDiscreteScheduler",
    "UniPCMultistepScheduler",
)
_ROOM = 0.7  # share of an accelerator's free memory that weights may take; frames need the rest
_PARTS = {"scheduler"}.union(*(family.parts for family in FAMILIES.values()))
_PATTERNS = ["model_index.json", "card.json", "README.md"]
_PATTERNS += [
    f"{part}/*.{ending}"
    for part in sorted(_PARTS)
    for ending in ("json", "txt", "model", "safetensors")
]


def load_video_model(
    model: str | Path, *, device: str = "auto", dtype: str = "auto", offload: str = "auto"
) -> VideoModel:
    """A video model in diffusers layout, ready to draw.

    Args:
        model: Folder, or hub id such as owner/name.
        device: `auto`, `cpu`, `cuda` or `cuda:1`.
        dtype: `float32`, `float16`, `bfloat16`, or `auto`: bfloat16 on CUDA, else float32.
        offload: What waits in the machine's memory instead of the accelerator's: `none`, each part
            while it is not at work (`model`), each layer (`sequential`, slow), or `auto`: each part
            if the weights would fill the accelerator.

    Raises:
        UnknownNameError: no such folder or hub id.
        CheckpointError: no video model that is known here, pickled or damaged weights.
        MissingExtraError: offloading without accelerate.
    """
    check_choice("offload", offload, OFFLOADS)
    folder, name = locate(model, _PATTERNS, f"in diffusers layout, got a file. {CONVERT}")
    index = _index(folder, name)
    family = _family(index, name)
    where = pick_device(device)
    wanted = "bfloat16" if dtype == "auto" and where.type == "cuda" else dtype
    precision = pick_dtype(wanted, where, folder / "transformer")
    parts, files = _parts(folder, index, family, precision)
    pipeline = _assembled(family, index, parts)
    _place(pipeline, where, offload, sum(file.stat().st_size for file in files))
    step, multiple = _steps(pipeline, family)
    return VideoModel(
        name=name,
        family=family,
        pipeline=pipeline,
        last_frame=_last_frame(pipeline, family),
        frame_step=step,
        multiple=multiple,
        fixed=_fixed(pipeline),
        card={
            "name": name,
            "kind": family.pipeline,
            "sha256": hash_files(files),
            "size_mb": round(sum(file.stat().st_size for file in files) / 1e6, 1),
        },
    )


def _index(folder: Path, name: str) -> dict[str, Any]:
    if not (folder / "model_index.json").is_file():
        remedy = CONVERT if any_file(folder, PICKLED) else "Give a folder in diffusers layout."
        raise CheckpointError(
            f"`model` {name!r} is not a model folder: it holds no model_index.json. {remedy}"
        )
    return read_json(folder / "model_index.json")


def _family(index: dict[str, Any], name: str) -> VideoFamily:
    kind = str(index.get("_class_name", "nothing"))
    if kind not in FAMILIES:
        known = "; ".join(family.title for family in FAMILIES.values())
        raise CheckpointError(
            f"`model` {name!r} must be a video model of a known kind, got a {kind}. Known: {known}."
        )
    return FAMILIES[kind]


def _parts(
    folder: Path, index: dict[str, Any], family: VideoFamily, dtype: torch.dtype
) -> tuple[dict[str, Any], list[Path]]:
    if family.pipeline.startswith("Wan") and importlib.util.find_spec("accelerate") is None:
        raise MissingExtraError(
            "`model` is a Wan model, and diffusers loads these with accelerate only. "
            "Install it with: pip install 'sequela[train]'."
        )
    parts: dict[str, Any] = {}
    files: list[Path] = []
    for part, kind in family.parts.items():
        if part in family.optional and not (index.get(part) or [None])[0]:
            parts[part] = None
        elif kind in ("AutoTokenizer", "CLIPImageProcessorPil"):
            parts[part] = _plain(kind, folder / part)
        else:
            files += weight_files(folder / part)
            apart = part == "vae" and family.codec_apart
            parts[part] = load_component(
                _class(kind), folder / part, torch.float32 if apart else dtype
            )
    parts["scheduler"] = _scheduler(folder / "scheduler")
    return parts, files


def _class(name: str) -> Any:
    """A class of the tables above; no name from a model's files gets here."""
    import diffusers
    import transformers

    return getattr(diffusers, name, None) or getattr(transformers, name)


def _plain(kind: str, folder: Path) -> Any:
    try:
        with quiet():
            return _class(kind).from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(
            f"`model` has no readable {folder.name}. Fetch the model again."
        ) from error


def _scheduler(folder: Path) -> Any:
    config = read_json(folder / "scheduler_config.json")
    kind = str(config.get("_class_name"))
    if kind not in _SCHEDULERS:
        raise CheckpointError(
            f"`model` must come with one of {', '.join(_SCHEDULERS)}, got {kind}. "
            "Take the scheduler the model was published with."
        )
    return _class(kind).from_config(config)


def _assembled(family: VideoFamily, index: dict[str, Any], parts: dict[str, Any]) -> Any:
    settings = {name: index[name] for name in family.settings if index.get(name) is not None}
    with quiet():
        pipeline = _class(family.pipeline)(**parts, **settings)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _place(pipeline: Any, device: torch.device, offload: str, weight_bytes: int) -> None:
    if offload == "auto":
        full = device.type == "cuda" and weight_bytes > _ROOM * torch.cuda.mem_get_info(device)[0]
        offload = "model" if full else "none"
        if full:
            logging.getLogger(__name__).warning("The weights fill %s: parts take turns.", device)
    if offload == "none":
        pipeline.to(device)
        return
    if device.type == "cpu":
        raise InvalidInputError(
            f"`offload` must be none on a CPU, got {offload!r}. There is nowhere to spare memory."
        )
    move = {
        "model": pipeline.enable_model_cpu_offload,
        "sequential": pipeline.enable_sequential_cpu_offload,
    }[offload]
    try:
        move(device=device)
    except ImportError as error:
        raise MissingExtraError(
            f"`offload` {offload!r} needs accelerate. "
            "Install it with: pip install 'sequela[train]'."
        ) from error


def _steps(pipeline: Any, family: VideoFamily) -> tuple[int, int]:
    """Every how many frames, and every how many pixels, the model can draw."""
    if family.pipeline == "LTXConditionPipeline":
        compression = int(pipeline.vae_spatial_compression_ratio)
        return int(pipeline.vae_temporal_compression_ratio), max(32, compression)
    transformer = pipeline.transformer or pipeline.transformer_2
    patch = transformer.config.patch_size
    side = int(patch if isinstance(patch, int) else patch[1])
    multiple = int(pipeline.vae_scale_factor_spatial) * side
    if family.pipeline == "WanImageToVideoPipeline":
        multiple = max(16, multiple)
    return int(pipeline.vae_scale_factor_temporal), multiple


def _last_frame(pipeline: Any, family: VideoFamily) -> str:
    if family.pipeline != "WanImageToVideoPipeline":
        return "never" if "CogVideoX" in family.pipeline else "may"
    if pipeline.config.expand_timesteps:  # Wan 2.2 5B: the pipeline drops the last frame unsaid
        return "never"
    config = (pipeline.transformer or pipeline.transformer_2).config
    if config.image_dim is None:
        return "may"
    # Wan 2.1: FLF2V has places for the features of two images, no more and no fewer
    return "never" if config.pos_embed_seq_len is None else "must"


def _fixed(pipeline: Any) -> tuple[int, int, int] | None:
    """Learned positions, as CogVideoX 5B has them, serve one size and length only."""
    config: Any = getattr(pipeline.transformer, "config", {})
    if not config.get("use_learned_positional_embeddings"):
        return None
    scale = int(pipeline.vae_scale_factor_spatial)
    sides = (int(config.sample_height) * scale, int(config.sample_width) * scale)
    return int(config.sample_frames), *sides
