"""Both stages as safetensors files whose headers tell their settings."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from sequela.checkpoints.single import fill, read_single, write_single
from sequela.dynamics.solve import Solver
from sequela.simulators.lungs.codec import VolumeCodec
from sequela.simulators.lungs.config import CodecConfig, ForecasterConfig
from sequela.simulators.lungs.forecaster import Forecaster

CODEC_FORMAT = "sequela-volume-codec-1"
FORECASTER_FORMAT = "sequela-lung-forecaster-1"


def save_codec(codec: VolumeCodec, path: Path, card: dict[str, Any]) -> None:
    """Write the codec in fp16 with its settings and card."""
    write_single(path, codec.state_dict(), {**card, "config": asdict(codec.config)}, CODEC_FORMAT)


def load_codec(path: Path) -> tuple[VolumeCodec, dict[str, Any]]:
    """The frozen codec saved in `path`, strictly, and its card.

    Raises:
        CheckpointError: The file is missing, damaged, or holds something else.
    """
    weights, card = read_single(path, CODEC_FORMAT)
    codec = VolumeCodec(CodecConfig(**_plain(card["config"])))
    fill(codec, weights, path)
    codec.float().eval().requires_grad_(requires_grad=False)
    return codec, card


def save_forecaster(forecaster: Forecaster, path: Path, card: dict[str, Any]) -> None:
    """Write the forecaster in fp16 with its settings and card."""
    settings = {**card, "config": asdict(forecaster.config)}
    write_single(path, forecaster.state_dict(), settings, FORECASTER_FORMAT)


def load_forecaster(path: Path) -> tuple[Forecaster, dict[str, Any]]:
    """The frozen forecaster saved in `path`, strictly, and its card.

    Raises:
        CheckpointError: The file is missing, damaged, or holds something else.
    """
    weights, card = read_single(path, FORECASTER_FORMAT)
    values = _plain(card["config"])
    forecaster = Forecaster(ForecasterConfig(**{**values, "solver": Solver(**values["solver"])}))
    fill(forecaster, weights, path)
    forecaster.float().eval().requires_grad_(requires_grad=False)
    return forecaster, card


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
