"""What the benchmarks share: held-out films, their patients, bootstrap intervals, the report."""

import json
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sequela.cohorts import Example, load_cohorts
from sequela.core import Scan, Window
from sequela.imaging import Fit, channels_first, to_model_range


def healthy_test_films(data: Path, limit: int | None = None) -> list[Example]:
    """The `test` films of the NIH subset without any finding."""
    films = [e for e in load_cohorts(("cxr-nih",), data) if e.split == "test" and not e.findings]
    return films[:limit]


def as_judged(images: Sequence[np.ndarray], window: Window, size: int = 128) -> torch.Tensor:
    """Images as the judge reads them: `[N, 1, size, size]` in [-1, 1]."""
    squares = []
    for image in images:
        grey = channels_first(to_model_range(image, window)).mean(axis=0, keepdims=True)
        squares.append(Fit.of(image.shape[:2], size).forward(grey))
    return torch.from_numpy(np.stack(squares))


def interval(
    values: np.ndarray, patients: Sequence[str], *, seed: int = 0, draws: int = 4000
) -> tuple[float, float, float]:
    """Mean and 95 % bootstrap interval, patients drawn with replacement."""
    names = sorted(set(patients))
    groups = [values[[p == name for p in patients]] for name in names]
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(draws):
        chosen = rng.integers(len(groups), size=len(groups))
        means.append(np.concatenate([groups[i] for i in chosen]).mean())
    low, high = np.percentile(means, [2.5, 97.5])
    return float(values.mean()), float(low), float(high)


def machine() -> dict[str, Any]:
    """Where a figure was measured."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
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


def share_of_window(scan: Scan) -> float:
    """One stored unit as a share of the window's width."""
    return 1 / (scan.window.high - scan.window.low)
