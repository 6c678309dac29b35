"""How the command line is called in tests: a tiny model, two steps, no region search."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from sequela.cli import app


@dataclass(frozen=True)
class Spoken:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str


def call(*words: object) -> Spoken:
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Spoken(done.exit_code, done.stdout, done.stderr)


def write_film(path: Path, shape: tuple[int, int] = (48, 40), seed: int = 0) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 255, (shape[0] // 4, shape[1] // 4))
    Image.fromarray(pixels.astype(np.uint8).repeat(4, 0).repeat(4, 1)).save(path)
    return path


@pytest.fixture
def film(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return write_film(tmp_path / "in" / "film.png")


@pytest.fixture
def simulate(tiny_grey_sd_folder: Path) -> Callable[..., Spoken]:
    """`sequela simulate INPUTS --out OUT` with quick settings; later words win."""

    def run(*words: object) -> Spoken:
        quick = ("--steps", 2, "--frames", 3, "--region", "none", "--protect", "none")
        asked = () if "--report" in words else ("--disease", "edema")
        return call("simulate", "--model", tiny_grey_sd_folder, *quick, *asked, *words)

    return run
