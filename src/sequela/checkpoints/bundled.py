"""Models that travel with the package, by name."""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from sequela.core import UnknownNameError
from sequela.core.checks import unknown_name


@dataclass(frozen=True, kw_only=True)
class BundledModel:
    """A model folder in diffusers layout and its card."""

    name: str
    folder: Path
    card: dict[str, Any]

    @property
    def size_mb(self) -> float:
        """Weights on disk, in megabytes."""
        return sum(f.stat().st_size for f in self.folder.rglob("*.safetensors")) / 1e6


def models_root() -> Path:
    """Where the models lie that travel with the package."""
    return Path(str(files("sequela"))) / "assets" / "models"


def bundled_models() -> dict[str, BundledModel]:
    """All bundled models by name."""
    folders = sorted(p.parent for p in models_root().glob("*/model_index.json"))
    return {
        folder.name: BundledModel(
            name=folder.name,
            folder=folder,
            card=json.loads((folder / "card.json").read_text(encoding="utf-8")),
        )
        for folder in folders
    }


def find_model(model: str) -> str:
    """A bundled name to its folder; a folder or hub id passes through as it is.

    Raises:
        UnknownNameError: A bare word that is neither bundled nor a folder.
    """
    known = bundled_models()
    if model in known:
        return str(known[model].folder)
    if Path(model).exists() or "/" in model:
        return model
    raise UnknownNameError(
        unknown_name("model", model, known)
        + " Or give a folder in diffusers layout, or a hub id such as owner/name."
    )


def find_network(name: str) -> Path:
    """The file of a bundled judge, classifier or embedding; a path passes through as it is.

    Raises:
        UnknownNameError: A bare word that is neither bundled nor a file.
    """
    known = {p.parent.name: p for p in sorted(models_root().glob("*/model.safetensors"))}
    if name in known:
        return known[name]
    if Path(name).is_file():
        return Path(name)
    raise UnknownNameError(
        unknown_name("network", name, known) + " Or give a safetensors file of such a network."
    )


def model_for(domain: str) -> str:
    """The bundled model of a domain.

    Raises:
        UnknownNameError: None is bundled for it.
    """
    models = {m.card["domain"]: m.name for m in bundled_models().values()}
    if domain not in models:
        raise UnknownNameError(
            f"`model` must be named for {domain} images: none is bundled. "
            "Give a folder in diffusers layout or a hub id with --model."
        )
    return models[domain]


def domain_of(model: str) -> str | None:
    """The domain that a model's card tells, or None where it tells none."""
    return _told(model, "domain")


def preset_of(model: str) -> str | None:
    """The preset of editing that suits a model best, as its card tells, or None."""
    return _told(model, "preset")


def _told(model: str, name: str) -> str | None:
    card = Path(find_model(model)) / "card.json"
    if not card.is_file():
        return None
    value = json.loads(card.read_text(encoding="utf-8")).get(name)
    return None if value is None else str(value)
