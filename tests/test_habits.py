"""Habits of the house that no linter knows."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]


def test_importing_the_package_loads_no_heavy_library():
    code = "import sys, sequela; print(sorted({'torch', 'numpy', 'diffusers'} & set(sys.modules)))"
    done = subprocess.run(  # noqa: S603  # our own line
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_file_grows_beyond_three_hundred_lines():
    long = [
        f"{path.name}: {count}"
        for path in (ROOT / "src").rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 300
    ]
    assert long == []


@pytest.mark.skipif("CI" not in os.environ, reason="says how CI is set up, not how users are")
def test_ci_runs_on_cpu_torch_without_torchvision():
    # torchvision's wheel breaks transformers and diffusers beside a CPU build of torch
    assert importlib.util.find_spec("torchvision") is None
    assert torch.version.cuda is None
