"""The vector field of a latent: convolutions, told of the patient or the time where asked to.

Source: Zhao et al., "4D-VQ-GAN", arXiv:2502.05713, section 2.2; as its code has it, five
convolutions with tanh between them, where the paper counts three.
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sequela.core.checks import check_count

Latent = Float[Tensor, "batch _ depth height width"]


class VectorField(nn.Module):
    """The rate of change of a latent in each place.

    Convolutions see zeros beyond the edge. With `facts`, each hidden layer is shifted by a linear
    function of them, so that age or a treatment can speed up, slow down or turn the change; that
    function starts at 0, as if nothing were told.
    """

    def __init__(
        self,
        channels: int,
        *,
        hidden: int = 8,
        layers: int = 5,
        facts: int = 0,
        is_timed: bool = False,
    ) -> None:
        """`facts` is how many numbers a patient has; `is_timed` adds the time to what is seen."""
        super().__init__()
        check_count("layers", layers, minimum=2)
        check_count("hidden", hidden)
        self.is_timed = is_timed
        widths = [channels + is_timed, *[hidden] * (layers - 1), channels]
        self.layers = nn.ModuleList(nn.Conv3d(a, b, 3, padding=1) for a, b in pairwise(widths))
        self.shifts = nn.ModuleList(
            nn.Linear(facts, hidden) for _ in range(layers - 1) if facts > 0
        )
        for shift in self.shifts:
            nn.init.zeros_(shift.weight)  # type: ignore[arg-type]  # a Linear's weight is a tensor
            nn.init.zeros_(shift.bias)  # type: ignore[arg-type]

    def forward(
        self, time: Float[Tensor, ""], state: Latent, facts: Float[Tensor, "batch fact"] | None
    ) -> Latent:
        """The rate at `time`, per unit of it."""
        x = state
        if self.is_timed:
            x = torch.cat([x, time.to(x).expand_as(x[:, :1])], dim=1)
        for index, layer in enumerate(self.layers):
            x = layer(x if index == 0 else x.tanh())
            if index < len(self.shifts) and facts is not None:
                x = x + self.shifts[index](facts)[..., None, None, None]
        return x
