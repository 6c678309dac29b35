"""How dense the lungs of given scans are and how fast that grew, as numbers for a vector field."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sequela.metrics.lung_measures import DENSE_HU

# about the mean and the spread in the synthetic cohort, so that the numbers are about 1 wide
_SHARE, _SHARE_SPREAD, _GROWTH_SPREAD = 0.15, 0.1, 0.04


def dense_shares(
    scans_hu: Float[Tensor, "scan depth height width"], lungs: Bool[Tensor, "depth height width"]
) -> Float[Tensor, " scan"]:
    """Share of the lungs' voxels above the bound of `lung_measures`, of each scan."""
    return (scans_hu[:, lungs] > DENSE_HU).float().mean(dim=1)


def growth_facts(
    shares: Float[Tensor, " scan"], years: Float[Tensor, " scan"]
) -> Float[Tensor, "3"]:
    """The first share, its growth a year up to the newest scan, and whether that is known.

    Args:
        shares: Of the given scans.
        years: Of the same, rising from 0.
    """
    is_known = len(shares) > 1
    growth = (shares[-1] - shares[0]) / (years[-1] - years[0]) if is_known else shares.new_zeros(())
    first = (shares[0] - _SHARE) / _SHARE_SPREAD
    return torch.stack([first, growth / _GROWTH_SPREAD, torch.tensor(float(is_known)).to(shares)])
