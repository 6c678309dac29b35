"""Fill in the record of a run: what was asked, with what, on which machine."""

import platform
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import torch

from sequela._version import __version__
from sequela.core import Condition, Record, Region, Scan
from sequela.diffusion import Backbone

_LIMITED = re.compile(r"^(non-commercial|research.only)|^cc\S*-nc", flags=re.IGNORECASE)


def make_record(  # noqa: PLR0913  # one keyword for each part of the record
    *,
    method: str,
    backbone: Backbone,
    config: Mapping[str, Any],
    request: Mapping[str, Any],
    scan: Scan,
    seed: int,
    notices: tuple[str, ...],
) -> Record:
    """The record of a run that was just made on this machine."""
    return Record(
        method=method,
        config=dict(config),
        request={name: _plain(value) for name, value in request.items()},
        seed=seed,
        threads=torch.get_num_threads(),
        device=str(backbone.device),
        model=dict(backbone.card),
        inputs=({"role": "image", "name": scan.source.name, "sha256": scan.source.sha256},),
        versions=versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        notices=(*licence_limits(backbone.card), *notices),
    )


def licence_limits(card: Mapping[str, Any]) -> tuple[str, ...]:
    """A notice where the model's licence begins with a limit, or is one such as CC BY-NC."""
    licence = str(card.get("licence", ""))
    if not _LIMITED.search(licence):
        return ()
    return (f"The licence of {card.get('name', 'the model')} limits its use. {licence}",)


def versions() -> dict[str, str]:
    """Versions of everything that can change a pixel."""
    found = {name: version(name) for name in ("torch", "diffusers", "transformers", "numpy")}
    return {"sequela": __version__, "python": platform.python_version(), **found}


def _plain(value: Any) -> Any:
    if isinstance(value, Region):
        return value.origin
    if isinstance(value, Condition):
        return {
            "negative_prompt": value.negative_prompt,
            "findings": [
                {
                    "name": f.name,
                    "text": f.text,
                    "weight": f.weight,
                    "region": None if f.region is None else f.region.origin,
                }
                for f in value.findings
            ],
        }
    return value
