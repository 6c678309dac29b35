"""A folder with both stages, by name or path, ready to forecast."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sequela.checkpoints.bundled import models_root
from sequela.core import CheckpointError, UnknownNameError, hash_bytes
from sequela.core.checks import unknown_name
from sequela.simulators.lungs.engine import LungEngine
from sequela.simulators.lungs.store import load_codec, load_forecaster

DEFAULT = "lungs-mini"
# a folder as it is bundled, and as `sequela train` leaves it
_STAGES = {
    "codec": ("codec.safetensors", "codec/model.safetensors"),
    "forecaster": (
        "forecaster.safetensors",
        "forecast.safetensors",
        "painted/model.safetensors",
        "forecast/model.safetensors",
    ),
}
_BOX_MM = (256.0, 336.0, 336.0)  # the whole chest: depth, height, width


@dataclass(frozen=True, kw_only=True, eq=False)
class LungModel:
    """Both stages with what is to be told of them.

    Attributes:
        engine: Codec and forecaster.
        card: Name, hash, licence, data.
        spacing_mm: Of the scans it was trained on, along d, h, w.
        longest_years: The longest follow-up among them.
    """

    engine: LungEngine
    card: dict[str, Any]
    spacing_mm: tuple[float, float, float]
    longest_years: float

    @property
    def window_hu(self) -> tuple[float, float]:
        """What it shows as black and white."""
        config = self.engine.codec.config
        return config.low_hu, config.high_hu


def load_lung_model(name: str = DEFAULT, *, device: str = "cpu") -> LungModel:
    """The bundled model, or one in a folder that `sequela train` made.

    Args:
        name: `lungs-mini`, or a folder with both stages.
        device: Where it runs.

    Raises:
        UnknownNameError: Neither a bundled model nor a folder.
        CheckpointError: The folder lacks a stage, or holds something else.
    """
    folder = _folder(name)
    paths = [_stage(folder, stage) for stage in _STAGES]
    codec, codec_card = load_codec(paths[0])
    forecaster, card = load_forecaster(paths[1])
    if device != "cpu":
        codec.to(device)
        forecaster.to(device)
    inputs = card.get("inputs", codec_card.get("inputs", {}))
    shape = codec.config.shape
    spacing = inputs.get("spacing_mm") or [b / n for b, n in zip(_BOX_MM, shape, strict=True)]
    return LungModel(
        engine=LungEngine(codec=codec, forecaster=forecaster),
        card={
            "name": str(card.get("name", folder.name)),
            "sha256": hash_bytes(b"".join(path.read_bytes() for path in paths)),
            "licence": str(card.get("licence", "not stated")),
            "data": card.get("data", {}),
            "steps": {"codec": codec_card.get("steps"), "forecaster": card.get("steps")},
        },
        spacing_mm=(float(spacing[0]), float(spacing[1]), float(spacing[2])),
        longest_years=float(card.get("data", {}).get("longest_follow_up_years", 5.0)),
    )


def _folder(name: str) -> Path:
    if Path(name).is_dir():
        return Path(name)
    root = models_root()
    known = sorted(path.name for path in root.glob("lungs-*"))
    if name in known:
        return root / name
    raise UnknownNameError(
        unknown_name("model", name, known) + " Or give a folder in which `sequela train` left both "
        "stages of a lung model."
    )


def _stage(folder: Path, stage: str) -> Path:
    for place in _STAGES[stage]:
        if (folder / place).is_file():
            return folder / place
    raise CheckpointError(
        f"`model` {folder.name} must hold {' or '.join(_STAGES[stage])}, got neither. Name a "
        "folder in which `sequela train` left both stages, or leave the option out."
    )
