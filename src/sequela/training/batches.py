"""Batches: the share of one process, drawn ahead.

A batch follows from its step and its piece of the update alone, whichever process draws it.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch

from sequela.core import InvalidInputError
from sequela.training.data import step_generator
from sequela.training.recipe import Recipe

Draw = Callable[[int, torch.Generator, int], Any]  # size, generator, step


class Batches:
    """The batches of one process in their order; the next is drawn while one is learned from."""

    def __init__(self, draw: Draw, recipe: Recipe, accelerator: Any, first: int) -> None:
        pieces, processes = recipe.optimiser.accumulation, accelerator.num_processes
        if pieces % processes:
            raise InvalidInputError(
                f"`accumulation` must be a multiple of the {processes} processes, which share its "
                f"pieces out, got {pieces}. The paper's 32 images are batch_size = 8 and "
                "accumulation = 4, on one, two or four processes."
            )
        self.own = range(accelerator.process_index, pieces, processes)
        self._draw_batch, self._recipe = draw, recipe
        self._step, self._part = first, 0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._next: Future[tuple[Any, int]] = self._pool.submit(self._draw, first, self.own[0])

    def take(self) -> tuple[Any, int]:
        """A batch, and the seed of what is random in its forward pass."""
        taken = self._next.result()
        self._part += 1
        if self._part == len(self.own):
            self._step, self._part = self._step + 1, 0
        if self._step < self._recipe.optimiser.steps:
            self._next = self._pool.submit(self._draw, self._step, self.own[self._part])
        return taken

    def settle(self) -> None:
        """Wait until nothing is being drawn: objectives are not asked for two things at once."""
        self._next.exception()

    def _draw(self, step: int, piece: int) -> tuple[Any, int]:
        generator = step_generator(self._recipe.seed, step, piece, 0)
        batch = self._draw_batch(self._recipe.optimiser.batch_size, generator, step)
        return batch, generator.initial_seed()
