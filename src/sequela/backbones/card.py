"""What the record of a run says about the model: its name, kind, weights' hash, licence."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sequela.backbones.folder import ModelFolder, read_json


def card_of(folder: ModelFolder, files: Sequence[Path]) -> dict[str, Any]:
    """The card as plain JSON values; licence, source and domain only where the model tells them."""
    card: dict[str, Any] = {
        "name": folder.name,
        "kind": folder.family,
        "sha256": hash_files(files),
        "size_mb": round(sum(file.stat().st_size for file in files) / 1e6, 1),
    }
    if (folder.path / "card.json").is_file():
        told = read_json(folder.path / "card.json")
        licence = told.get("licence", told.get("license"))
        card |= {"licence": licence} if licence else {}
        card |= {name: told[name] for name in ("source", "domain") if name in told}
    elif (folder.path / "README.md").is_file():
        licence = _front_matter_licence((folder.path / "README.md").read_text(encoding="utf-8"))
        card |= {"licence": licence} if licence else {}
    return card


def hash_files(files: Sequence[Path]) -> str:
    """SHA-256 over folder name, file name and content of each file, sorted by these names."""
    total = hashlib.sha256()
    for file in sorted(files, key=lambda f: (f.parent.name, f.name)):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        total.update(f"{file.parent.name}/{file.name}\0{content}\n".encode())
    return total.hexdigest()


def _front_matter_licence(readme: str) -> str | None:
    front = re.match(r"\s*---\n(.*?)\n---", readme, flags=re.DOTALL)
    found = re.search(r"^licen[sc]e:\s*(\S.*)$", front[1], flags=re.MULTILINE) if front else None
    return found[1].strip() if found else None
