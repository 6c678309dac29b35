"""Noise that depends on what it is for, not on when it was asked for.

Every draw has an address (sample, step, draw) under one seed, so batching, devices, the order of
calls and other users of random numbers cannot change it, and one state replays without the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequela.core.checks import check_count


@dataclass(frozen=True)
class NoiseSource:
    """Normal noise under one seed.

    Attributes:
        seed: Whole number >= 0.
    """

    seed: int

    def __post_init__(self) -> None:
        check_count("seed", self.seed, minimum=0, hint="Any whole number from 0 up will do.")

    def normal(
        self, shape: Sequence[int], *, sample: int, step: int, draw: int
    ) -> Float[Tensor, "..."]:
        """Standard normal float32 values on the CPU for one address.

        Args:
            shape: Shape of the tensor, usually that of one sample's latents.
            sample: Index of the random draw of the whole trajectory.
            step: Step of progressive editing.
            draw: Which of the draws within that step.
        """
        address = np.random.SeedSequence(self.seed, spawn_key=(sample, step, draw))
        generator = torch.Generator().manual_seed(int(address.generate_state(1, np.uint64)[0]))
        return torch.randn(tuple(shape), generator=generator, dtype=torch.float32)
