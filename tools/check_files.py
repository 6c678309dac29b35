"""Refuse large files, image files of scanners, merge marks and notebook outputs before a commit."""

import json
import sys
import tomllib
from pathlib import Path

MEBIBYTE = 2**20
SCANNER = (".dcm", ".nii", ".nii.gz", ".nrrd", ".jpg", ".jpeg")


def complaint(path: Path) -> str | None:
    """What is wrong with a file, or None."""
    limit = 15 * MEBIBYTE if path.suffix == ".safetensors" else MEBIBYTE
    if path.stat().st_size > limit:
        return f"{path} is larger than {limit // MEBIBYTE} MiB"
    if path.name.lower().endswith(SCANNER):
        return f"{path} may be a real person's image"
    if path.suffix == ".toml":
        tomllib.loads(path.read_text(encoding="utf-8"))
    if path.suffix in {".py", ".md", ".toml", ".yaml"} and "\n<<<<<<< " in path.read_text():
        return f"{path} holds a merge mark"
    if path.suffix == ".ipynb":
        cells = json.loads(path.read_text())["cells"]
        if any(cell.get("outputs") for cell in cells):
            return f"{path} holds notebook outputs"
    return None


if __name__ == "__main__":
    complaints = [c for name in sys.argv[1:] if (c := complaint(Path(name)))]
    print("\n".join(complaints))
    sys.exit(bool(complaints))
