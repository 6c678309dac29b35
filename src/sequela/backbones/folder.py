"""Find a model in diffusers layout: a folder on disk, or one fetched from the hub by its id."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sequela.core.errors import CheckpointError, UnknownNameError

Family = Literal["stable-diffusion", "stable-diffusion-xl", "stable-diffusion-3"]

PICKLED = (".bin", ".ckpt", ".pt", ".pth")
CONVERT = (
    "Pickled weights are never loaded, for they can run code, and single files lack the settings. "
    "Convert them once: load the model with diffusers where you trust it, then "
    "save_pretrained(folder, safe_serialization=True)."
)

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_PARTS = ("vae", "unet", "transformer", "scheduler", "text_encoder*", "tokenizer*")
_PATTERNS = ["model_index.json", "card.json", "README.md"]
_PATTERNS += [f"{part}/*.{ending}" for part in _PARTS for ending in ("json", "txt", "safetensors")]
# The same weights again in other precisions and formats: large, and not what is loaded.
_IGNORED = ["*.fp16.*", "*.non_ema.*", "*openvino*", "*flax*"]
_HUB_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class ModelFolder:
    """A folder with a `model_index.json` that was read.

    Attributes:
        path: The folder.
        name: What to call the model: the hub id or the folder's name.
        index: Which class each component is of.
        family: Which network it is.
    """

    path: Path
    name: str
    index: dict[str, Any]
    family: Family

    def has(self, component: str) -> bool:
        """Whether the model comes with that component; a list of two nulls says it does not."""
        return bool((self.index.get(component) or [None])[0])


def find_model(model: str | Path) -> ModelFolder:
    """The model of that path or hub id."""
    return _opened(*locate(model, _PATTERNS, f"in diffusers layout, got a file. {CONVERT}"))


def locate(model: str | Path, patterns: Sequence[str], otherwise: str) -> tuple[Path, str]:
    """The folder and the name of a model on disk, or of one fetched from the hub by its id.

    Args:
        model: Path or hub id.
        patterns: Which files to fetch.
        otherwise: How the sentence ends that refuses a file: what kind of folder is wanted.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        return path, path.resolve().name
    if path.is_file():
        raise CheckpointError(f"`model` {path.name} must be a folder {otherwise}")
    if not _HUB_ID.fullmatch(str(model)):
        raise UnknownNameError(
            f"`model` {str(model)!r} is neither a folder nor a hub id such as owner/name. "
            "Check the path."
        )
    return _fetched(str(model), patterns), str(model)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file of the model folder."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        place = f"{path.parent.name}/{path.name}"
        raise CheckpointError(f"`model` holds no readable {place}. Fetch it again.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"`model` has a {path.name} that is no JSON object. Fetch it again.")
    return content


def _opened(path: Path, name: str) -> ModelFolder:
    if not (path / "model_index.json").is_file():
        remedy = CONVERT if any_file(path, PICKLED) else "Give a folder in diffusers layout."
        raise CheckpointError(
            f"`model` {name!r} is not a model folder: it holds no model_index.json. {remedy}"
        )
    index = read_json(path / "model_index.json")
    return ModelFolder(path, name, index, _family(index))


def any_file(folder: Path, endings: tuple[str, ...]) -> bool:
    """Whether the folder itself holds a file with one of these endings."""
    return any(file.suffix in endings for file in folder.iterdir() if file.is_file())


def _family(index: dict[str, Any]) -> Family:
    has = {name for name, value in index.items() if isinstance(value, list) and value[0]}
    kind = str(index.get("_class_name", "nothing"))
    if kind.startswith("StableDiffusion3") and "transformer" in has:
        return "stable-diffusion-3"
    if kind.startswith("StableDiffusion") and {"unet", "text_encoder"} <= has:
        return "stable-diffusion-xl" if "text_encoder_2" in has else "stable-diffusion"
    raise CheckpointError(
        f"`model` must be Stable Diffusion 1.x, 2.x, XL or 3 with its text encoders, got a {kind}. "
        "Other pipelines have no door yet."
    )


def _fetched(hub_id: str, patterns: Sequence[str]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    try:
        folder = snapshot_download(
            hub_id,
            allow_patterns=list(patterns),
            ignore_patterns=_IGNORED,
            etag_timeout=_HUB_TIMEOUT_S,
        )
    except RepositoryNotFoundError as error:
        raise UnknownNameError(
            f"`model` {hub_id!r} is neither a folder here nor a public model on the hub. "
            "Check the spelling; a gated model needs its licence accepted and a token."
        ) from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise CheckpointError(
            f"`model` {hub_id!r} is not a folder here and could not be fetched from the hub "
            f"({type(error).__name__}). Check the network, or give a downloaded model's folder."
        ) from error
    return Path(folder)
