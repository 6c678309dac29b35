"""A convolutional GRU on volumes, and the history encoders made of it.

Source: Ballas et al., arXiv:1511.06432, in three dimensions; Park et al., "Vid-ODE",
arXiv:2010.08188, for the walk from the last scan to the first and the ODE between visits.
"""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from sequela.dynamics.fields import VectorField
from sequela.dynamics.solve import Solver, solve_ode

Latent = Float[Tensor, "batch _ depth height width"]


class ConvGru(nn.Module):
    """One cell: new information enters a latent memory through gates."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.channels = channels
        both = channels_in + channels
        self.gates = nn.Conv3d(both, 2 * channels, 3, padding=1)
        self.candidate = nn.Conv3d(both, channels, 3, padding=1)

    def forward(self, seen: Latent, memory: Latent) -> Latent:
        """The memory after having seen a scan."""
        update, reset = self.gates(torch.cat([seen, memory], dim=1)).sigmoid().chunk(2, dim=1)
        fresh = self.candidate(torch.cat([seen, reset * memory], dim=1)).tanh()
        return torch.as_tensor((1 - update) * memory + update * fresh)


class HistoryEncoder(nn.Module):
    """What a patient's scans so far tell, as one latent at the time of the first.

    It walks from the last scan back to the first. As published it knows their order only; told of
    the time (`is_time_aware`), it sees each scan's gap to the one before, and its memory moves
    along an ODE between visits, so that fast and slow disease differ.
    """

    def __init__(
        self, channels: int, *, hidden: int, is_time_aware: bool = False, solver: Solver
    ) -> None:
        super().__init__()
        self.is_time_aware, self.solver = is_time_aware, solver
        self.cell = ConvGru(channels + is_time_aware, hidden)
        self.field = VectorField(hidden, hidden=hidden // 2) if is_time_aware else None
        self.head = nn.Sequential(
            nn.Conv3d(hidden, hidden, 1), nn.ReLU(), nn.Conv3d(hidden, hidden, 1)
        )

    def forward(
        self,
        scans: Float[Tensor, "batch slot channel depth height width"],
        is_seen: Bool[Tensor, "batch slot"],
        years: Float[Tensor, "batch slot"],
    ) -> Latent:
        """The latent from which the future is computed.

        Args:
            scans: In slots; what stands in an unseen slot does not matter.
            is_seen: Which slots hold a scan that may be used.
            years: Time of each slot, rising where slots are seen.
        """
        memory = scans.new_zeros(len(scans), self.cell.channels, *scans.shape[3:])
        gaps = _gaps(is_seen, years)
        for slot in reversed(range(scans.shape[1])):
            now = is_seen[:, slot]
            if not bool(now.any()):
                continue
            seen = scans[:, slot]
            if self.field is not None:
                gap = gaps[:, slot].to(seen).view(-1, 1, 1, 1, 1)
                seen = torch.cat([seen, gap.expand_as(seen[:, :1])], dim=1)
            fresh = self.cell(seen, memory)
            if self.field is not None:
                fresh = self._carried(fresh, gaps[:, slot].to(fresh))
            memory = torch.where(now.view(-1, 1, 1, 1, 1), fresh, memory)
        return torch.as_tensor(self.head(memory))

    def _carried(self, memory: Latent, gaps: Float[Tensor, " batch"]) -> Latent:
        """The memory after the way back to the scan before; each patient has a gap of their own."""
        field = self.field
        if field is None or not bool((gaps > 0).any()):
            return memory
        pace = gaps.view(-1, 1, 1, 1, 1)
        # scaled to the unit interval, so that one solve serves all gaps; two fixed steps
        unit, solver = torch.tensor([0.0, 1.0]).to(memory), replace(self.solver, step=0.5)
        return solve_ode(lambda t, h: pace * field(t, h, None), memory, unit, solver)[-1]


def _gaps(
    is_seen: Bool[Tensor, "batch slot"], years: Float[Tensor, "batch slot"]
) -> Float[Tensor, "batch slot"]:
    """Years since the scan before, of each seen scan; 0 for the first and for unseen slots."""
    gaps = torch.zeros_like(years)
    before = torch.full_like(years[:, 0], torch.nan)
    for slot in range(years.shape[1]):
        now = is_seen[:, slot]
        gap = torch.where(now & before.isfinite(), years[:, slot] - before, 0.0)
        gaps[:, slot] = gap
        before = torch.where(now, years[:, slot], before)
    return gaps
