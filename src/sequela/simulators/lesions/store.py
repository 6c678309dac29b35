"""The lesion forecaster as one safetensors file whose header tells its settings."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from sequela.checkpoints.bundled import find_network
from sequela.checkpoints.single import fill, read_single, write_single
from sequela.simulators.lesions.config import ForecastConfig
from sequela.simulators.lesions.network import LesionForecaster

FORMAT = "sequela-lesion-forecaster-1"
BUNDLED = "lesions-mini"


def save_lesion_forecaster(network: LesionForecaster, path: Path, card: dict[str, Any]) -> None:
    """Write the network in fp16 with its settings and card."""
    write_single(path, network.state_dict(), {**card, "config": asdict(network.config)}, FORMAT)


def load_lesion_forecaster(model: str = BUNDLED) -> tuple[LesionForecaster, dict[str, Any]]:
    """The frozen network, strictly, and its card.

    Args:
        model: A bundled name, or a safetensors file of such a network.

    Raises:
        UnknownNameError: Neither a bundled network nor a file.
        CheckpointError: The file is damaged, or holds something else.
    """
    path = find_network(model)
    weights, card = read_single(path, FORMAT)
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in card["config"].items()
    }
    network = LesionForecaster(ForecastConfig(**values))
    fill(network, weights, path)
    network.float().eval().requires_grad_(requires_grad=False)
    return network, card


def take_over(forecaster: LesionForecaster, weights: dict[str, Tensor]) -> None:
    """Take all weights that have the same name and shape; parts that are new begin afresh."""
    own = forecaster.state_dict()
    kept = {k: v.float() for k, v in weights.items() if k in own and own[k].shape == v.shape}
    forecaster.load_state_dict({**own, **kept})
