"""The forecasting model by name or path, ready to forecast."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sequela.checkpoints import find_network
from sequela.core import CheckpointError, hash_bytes
from sequela.simulators.lesions.network import LesionForecaster
from sequela.simulators.lesions.store import BUNDLED, load_lesion_forecaster

DEFAULT = BUNDLED


@dataclass(frozen=True, kw_only=True, eq=False)
class LesionModel:
    """A network with what is to be told of it.

    Attributes:
        network: Frozen.
        card: Name, hash, licence, data.
    """

    network: LesionForecaster
    card: dict[str, Any]


def load_lesion_model(name: str = DEFAULT, *, device: str = "cpu") -> LesionModel:
    """The bundled model, or one in a file or folder that `sequela train` made.

    Args:
        name: `lesions-mini`, a safetensors file, or a folder with `model.safetensors`.
        device: Where it runs.

    Raises:
        UnknownNameError: Neither a bundled model nor a file.
        CheckpointError: The file holds something else.
    """
    path = _file(name)
    network, card = load_lesion_forecaster(str(path))
    told = {
        "name": str(card.get("name", path.parent.name)),
        "sha256": hash_bytes(path.read_bytes()),
        "licence": str(card.get("licence", "not stated")),
        "data": card.get("data", {}),
    }
    return LesionModel(network=network.to(device), card=told)


def _file(name: str) -> Path:
    folder = Path(name)
    if folder.is_dir():
        path = folder / "model.safetensors"
        if not path.is_file():
            raise CheckpointError(
                f"`model` {folder.name} must hold model.safetensors, got none. Name a folder in "
                "which `sequela train` left a lesion forecaster."
            )
        return path
    return find_network(name)
