"""What the benchmarks share: held-out films, their patients, bootstrap intervals, the report."""

import json
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import sequela
from sequela.cohorts import Example, load_cohorts
from sequela.core import Window
from sequela.imaging import Fit, channels_first, resize, to_model_range
from sequela.io import DicomSeries, write_derived_dicom
from sequela.metrics import mean_estimate


def healthy_test_films(data: Path, limit: int | None = None) -> list[Example]:
    """The `test` films of the NIH subset without any finding."""
    films = [e for e in load_cohorts(("cxr-nih",), data) if e.split == "test" and not e.findings]
    return films[:limit]


def as_judged(
    images: Sequence[np.ndarray], window: Window, size: int = 128, channels: int = 1
) -> torch.Tensor:
    """Images as models read them: `[N, channels, size, size]` in [-1, 1]."""
    squares = []
    for image in images:
        shown = channels_first(to_model_range(image, window))
        if channels == 1:
            shown = shown.mean(axis=0, keepdims=True)
        squares.append(Fit.of(image.shape[:2], size).forward(shown))
    return torch.from_numpy(np.stack(squares))


def interval(
    values: np.ndarray, patients: Sequence[str], *, seed: int = 0, draws: int = 4000
) -> tuple[float, float, float]:
    """Mean and 95 % bootstrap interval, patients drawn with replacement."""
    found = mean_estimate(np.asarray(values, float), np.asarray(patients), draws=draws, seed=seed)
    return found.value, found.low, found.high


def machine() -> dict[str, Any]:
    """Where a figure was measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607  # whichever git the user has
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {
        "commit": commit,
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def write_figures(figures: dict[str, Any], path: Path) -> None:
    """Print the figures and keep them with the machine they come from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**figures, "machine": machine()}, indent=2)
    path.write_text(text + "\n")
    print(text)


def write_wrapped(film: Path, path: Path, space: tuple[int, int]) -> None:
    """The film enlarged to `space` and written as a 16-bit DICOM of 12-bit values."""
    scan = sequela.read(film)
    large = resize(channels_first(scan.array).astype(np.float32), space)[0]
    stored = np.clip(np.rint(large * 16), 0, 4095).astype(np.uint16)
    wrapped = replace(scan, array=stored, window=Window(low=0, high=4095, origin="dtype"))
    write_derived_dicom(
        wrapped, stored, path, description="enlarged film", series=DicomSeries.new()
    )
