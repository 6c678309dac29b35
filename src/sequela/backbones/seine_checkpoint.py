"""SEINE's published checkpoint, read without running anything in it, as one safetensors file.

The published `seine.pt` is a zip of torch with a pickled dictionary, whose `ema` holds the flat
weights. Only tensors, numbers and texts are taken from it; whatever else the pickle asks for is
refused. It is converted once; from then on only the safetensors file is read.
"""

import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sequela.backbones.weights import listed
from sequela.core.errors import CheckpointError, UnreadableFileError
from sequela.io import atomic_folder
from sequela.nn.seine import SeineConfig, SeineUnet

FORMAT = "sequela-seine-1"
WEIGHTS = "seine.safetensors"
_SOURCE = "Vchitect/SEINE, seine.pt"
_LICENCE = "open for academic research, free commercial use by application to its authors"
_AGAIN = "Fetch seine.pt again."


def convert(pt_path: str | Path, folder: str | Path, *, config: SeineConfig | None = None) -> Path:
    """Make a folder with the safetensors of a published checkpoint.

    It reads the file twice (3.6 GB as published) and needs as much memory once.

    Args:
        pt_path: The published `seine.pt`.
        folder: The folder to make; it must not be there yet.
        config: Sizes of the network; by default the published ones.

    Returns:
        The file to load, within the folder.

    Raises:
        UnreadableFileError: there is no such file.
        CheckpointError: damaged, not a container of tensors only, or of another network.
        OutputExistsError: the folder is there.
    """
    config = config or SeineConfig.published()
    path = Path(pt_path).expanduser()
    tensors = _flat_weights(_unpickled(path), path)
    refuse_mismatch(tensors, config, path.name)
    _refuse_not_finite(tensors, path)
    with atomic_folder(Path(folder).expanduser()) as partial:
        write_weights(tensors, config, partial, licence=_LICENCE, source=_SOURCE)
    return Path(folder).expanduser() / WEIGHTS


def write_weights(
    tensors: Mapping[str, Tensor], config: SeineConfig, folder: Path, **told: str
) -> None:
    """Write the one file that `load_network` reads; its header tells what it is.

    Args:
        tensors: Of the network.
        config: Its sizes.
        folder: Where the file goes.
        told: More entries of the header: `licence` and `source`; `image_channels` of the codec it
            was trained with, 3 unless given.
    """
    from safetensors.torch import save_file

    header = {
        "format": FORMAT,
        "architecture": "seine",
        "config": json.dumps(config.to_json()),
        **told,
    }
    save_file(_unshared(tensors), folder / WEIGHTS, metadata=header)


def read_config(path: Path) -> SeineConfig:
    """The sizes of the network that a converted file holds.

    Raises:
        CheckpointError: damaged, or not a file that `convert` made.
    """
    header = read_header(path)
    try:
        if header.get("format") != FORMAT:
            raise ValueError(header.get("format"))
        return SeineConfig(**json.loads(header["config"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"`weights` {path.name} must say {FORMAT!r} and its sizes in its header, got "
            f"{header.get('format')!r}. Convert seine.pt with `sequela convert`."
        ) from error


def read_header(path: Path) -> dict[str, str]:
    """What a converted file tells of itself.

    Raises:
        CheckpointError: damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as stored:
            return dict(stored.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"`weights` {path.name} is damaged or no safetensors file. Convert seine.pt again."
        ) from error


def load_network(path: Path, *, dtype: torch.dtype, device: torch.device) -> SeineUnet:
    """The network with the weights of a converted file, frozen, in evaluation mode.

    Args:
        path: What `convert` returned.
        dtype: What the weights are brought to; the rotary table stays in float32.
        device: Where they go, tensor by tensor.

    Raises:
        CheckpointError: damaged, or tensors that do not fit.
    """
    from safetensors import safe_open

    config = read_config(path)
    with torch.device("meta"):
        network = SeineUnet(config)
    with safe_open(path, framework="pt") as stored:
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    refuse_mismatch(tensors, config, path.name)
    placed = {
        name: tensor.to(device, torch.float32 if name.endswith(".freqs") else dtype)
        for name, tensor in tensors.items()
    }
    network.load_state_dict(placed, strict=True, assign=True)
    return network.eval().requires_grad_(requires_grad=False)


def refuse_mismatch(tensors: Mapping[str, Tensor], config: SeineConfig, name: str) -> None:
    """Refuse weights that are not exactly those of the network, naming the first that differ."""
    with torch.device("meta"):
        wanted = {key: tensor.shape for key, tensor in SeineUnet(config).state_dict().items()}
    differing = [
        f"{key} {list(tensors[key].shape)} for {list(shape)}"
        for key, shape in wanted.items()
        if key in tensors and tensors[key].shape != shape
    ]
    found = {
        "missing": [key for key in wanted if key not in tensors],
        "surplus": [key for key in tensors if key not in wanted],
        "reshaped": differing,
    }
    faults = [f"{kind}: {listed(keys)}" for kind, keys in found.items() if keys]
    if faults:
        raise CheckpointError(
            f"`weights` {name} must hold the {len(wanted)} tensors of SEINE's network; "
            f"{'; '.join(faults)}. Take the published seine.pt."
        )


def _unpickled(path: Path) -> Any:
    """What the container holds, its tensors still on disk."""
    _check_container(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"`pt_path` {path.name} must hold tensors, numbers and texts only, but its pickle asks "
            "for more or is damaged. Nothing in it was run; take the published seine.pt."
        ) from error
    except (RuntimeError, OSError, ValueError, LookupError, EOFError, TypeError) as error:
        raise CheckpointError(
            f"`pt_path` {path.name} is a zip but no readable torch checkpoint "
            f"({type(error).__name__}). {_AGAIN}"
        ) from error


def _check_container(path: Path) -> None:
    """Refuse what is no undamaged zip; torch itself would not notice a flipped bit in a tensor."""
    if not path.is_file():
        raise UnreadableFileError(f"`pt_path` {str(path)!r} is not a file. Check the path.")
    try:
        with zipfile.ZipFile(path) as container:
            damaged = container.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise CheckpointError(
            f"`pt_path` {path.name} is damaged or not a zip as torch has written since 1.6. "
            f"{_AGAIN}"
        ) from error
    if damaged is not None:
        raise CheckpointError(
            f"`pt_path` {path.name} is damaged: the checksum of {damaged} is wrong. {_AGAIN}"
        )


def _flat_weights(content: Any, path: Path) -> dict[str, Tensor]:
    weights = content.get("ema") if isinstance(content, dict) else None
    if not isinstance(weights, dict):
        raise CheckpointError(
            f"`pt_path` {path.name} must be a dictionary with the weights under 'ema', got "
            f"{_described(content)}. Take the published seine.pt."
        )
    plain = all(
        isinstance(key, str) and isinstance(value, Tensor) and value.layout == torch.strided
        for key, value in weights.items()
    )
    if not plain:
        raise CheckpointError(
            f"`pt_path` {path.name} must hold named tensors only under 'ema', got other things "
            "beside them. Take the published seine.pt."
        )
    return dict(weights)


def _described(content: Any) -> str:
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    return f"a dictionary of {listed([str(key) for key in content]) or 'nothing'}"


def _refuse_not_finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    broken = [key for key, tensor in tensors.items() if not bool(tensor.isfinite().all())]
    if broken:
        raise CheckpointError(
            f"`pt_path` {path.name} must hold finite numbers, got nan or infinity in "
            f"{listed(broken)}. {_AGAIN}"
        )


def _unshared(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, each with memory of its own: safetensors refuses shared ones."""
    seen: set[int] = set()
    own: dict[str, Tensor] = {}
    for key, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        whole = tensor.untyped_storage().nbytes() == tensor.nbytes
        own[key] = tensor.contiguous() if whole and place not in seen else tensor.clone()
        seen.add(place)
    return own
