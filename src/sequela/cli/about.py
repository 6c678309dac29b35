"""`sequela models`, `doctor` and `cite`: what is here, what is missing, whom to thank."""

import importlib.util
import json
import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

from sequela._version import __version__
from sequela.cli import options as o
from sequela.cli.console import one_sentence
from sequela.cli.sources import SOURCES
from sequela.core.checks import check_choice

_NEEDED = ("torch", "diffusers", "transformers", "numpy", "scipy", "pillow", "pydicom", "nibabel")
_EXTRAS = {
    "accelerate": "train",
    "tensorboard": "train",
    "peft": "lora",
    "SimpleITK": "registration",
    "convexAdam": "registration",
}


def models(json_: o.Json = False, debug: o.Debug = False) -> None:
    """List the bundled models with size, data and licence.

    Example:
        sequela models
    """
    with one_sentence(debug=debug):
        from sequela.checkpoints import bundled_models

        entries = [
            {"name": m.name, "size_mb": round(m.size_mb, 1), **m.card}
            for m in bundled_models().values()
        ]
        if json_:
            typer.echo(json.dumps(entries))
            return
        for entry in entries:
            typer.echo(f"{entry['name']}  {entry['size_mb']} MB  {entry.get('summary', '')}")
            typer.echo(f"  licence: {entry.get('licence', 'not stated')}")


def doctor(json_: o.Json = False, debug: o.Debug = False) -> None:
    """Show versions, devices, memory, models, and what is missing.

    Example:
        sequela doctor
    """
    with one_sentence(debug=debug):
        findings = _examine()
        if json_:
            typer.echo(json.dumps(findings))
            return
        for name, value in findings.items():
            typer.echo(f"{name:<12} {value}")


def cite(
    method: Annotated[str | None, typer.Argument(help="A method; default: all.")] = None,
    debug: o.Debug = False,
) -> None:
    """Print the sources of a method as BibTeX.

    Examples:
        sequela cite

        sequela cite progressive-editing
    """
    with one_sentence(debug=debug):
        if method is not None:
            check_choice("method", method, SOURCES)
        wanted = SOURCES if method is None else {method: SOURCES[method]}
        for name, entries in wanted.items():
            typer.echo(f"% {name}")
            for entry in entries:
                typer.echo(entry)


def _examine() -> dict[str, Any]:
    import torch

    from sequela.checkpoints import bundled_models

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    accelerators = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] or [
        "none: the CPU is used"
    ]
    missing = [
        f"{package} (pip install 'sequela[{extra}]')"
        for package, extra in _EXTRAS.items()
        if importlib.util.find_spec(package) is None
    ]
    return {
        "sequela": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in _NEEDED},
        "accelerator": ", ".join(accelerators),
        "threads": torch.get_num_threads(),
        "memory": f"{memory:.1f} GB",
        "free disk": f"{shutil.disk_usage('.').free / 1e9:.1f} GB here",
        "models": ", ".join(bundled_models()) or "none bundled",
        "optional": "missing " + ", ".join(missing) if missing else "all installed",
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "MISSING"
