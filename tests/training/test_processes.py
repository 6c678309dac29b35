"""Several processes share the pieces of a batch, and the training stays the same."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sequela.backbones import load_backbone
from sequela.core import InvalidInputError
from sequela.training.batches import Batches
from sequela.training.image_settings import AutoencoderNetwork
from sequela.training.recipe import DataSettings, OptimiserSettings, Recipe
from tests.backbones.tiny_models import tiny_sd
from tests.cohorts.layouts import draw_isic_2018
from tests.training.fine_tuned import losses

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-5  # relative, of each loss: sums of float32 in another order
RECIPE = Recipe(
    name="counting",
    objective="autoencoder",
    data=DataSettings(sets=()),
    network=AutoencoderNetwork(),
    optimiser=OptimiserSettings(steps=3, batch_size=2, accumulation=4),
)


@dataclass
class Process:
    process_index: int = 0
    num_processes: int = 1


def drawn(process: Process, first: int = 0) -> list[tuple[int, float]]:
    """(step, first random number) of each batch that a process learns from."""
    batches = Batches(
        lambda size, g, step: (step, float(torch.rand((), generator=g))), RECIPE, process, first
    )
    count = (RECIPE.optimiser.steps - first) * len(batches.own)
    return [batches.take()[0] for _ in range(count)]


def test_the_processes_draw_what_one_would():
    alone = drawn(Process())
    shared = [drawn(Process(index, 2)) for index in (0, 1)]
    assert len(set(alone)) == 12
    assert sorted(shared[0] + shared[1]) == sorted(alone)


def test_a_resumed_process_draws_what_is_left():
    assert drawn(Process(), first=2) == drawn(Process())[8:]


def test_pieces_that_cannot_be_shared_out_are_refused():
    with pytest.raises(InvalidInputError, match="`accumulation` must be a multiple of the 3"):
        drawn(Process(0, 3))


def test_a_batch_that_cannot_be_drawn_is_told_where_it_is_taken():
    def fail(size, generator, step):
        raise InvalidInputError("`data` is gone.")

    batches = Batches(fail, replace(RECIPE, name="failing"), Process(), 0)
    batches.settle()
    with pytest.raises(InvalidInputError, match="gone"):
        batches.take()


def run_processes(count: int, *arguments: object) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}
    command = [sys.executable, "-m", "tests.training.one_process", *map(str, arguments)]
    started = []
    for rank in range(count):
        told = {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        if count > 1:
            told |= {**world, "RANK": str(rank), "LOCAL_RANK": str(rank)}
        process = subprocess.Popen(command, env={**os.environ, **told}, cwd=ROOT)  # noqa: S603  # our own
        started.append(process)
    assert [process.wait(timeout=300) for process in started] == [0] * count


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_with_accumulation(tmp_path):
    model, data = tiny_sd(tmp_path / "sd"), draw_isic_2018(tmp_path / "data")
    run_processes(1, model, data, tmp_path / "one", 4)
    run_processes(2, model, data, tmp_path / "two", 4)
    alone, shared = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert shared == pytest.approx(alone, rel=TOLERANCE)
    assert len(set(alone)) == 6
    weights = [
        load_file(tmp_path / name / "model" / "unet" / "diffusion_pytorch_model.safetensors")
        for name in ("one", "two")
    ]
    # AdamW divides by the gradient's size, which enlarges what rounding does to small gradients
    for key, values in weights[0].items():
        torch.testing.assert_close(weights[1][key], values, rtol=0, atol=1e-4)
    load_backbone(model, unet=tmp_path / "two" / "model")
    assert not (tmp_path / "two" / "model" / "text_encoder").exists()
