"""How many lesions will come: a mixture of two gamma-Poisson counts, those who respond and others.

A single negative binomial cannot have the mean *and* the zero share of a treated arm, see
`cohorts.synthetic.trial.response`. The count is drawn first, the masks are then drawn to hold it:
a diffusion over rare voxels alone gets counts wrong, for no voxel tells how active the patient is.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # the name everybody knows it by
from jaxtyping import Float, Int
from torch import Tensor, nn

from sequela.simulators.lesions.question import treatments

MOST_LESIONS = 255  # counts beyond are taken as this many
_ARM_WIDTH = 12


class Counted:
    """What the distribution of one count tells, for whoever holds `count_chances`."""

    count_chances: Float[np.ndarray, " count"]

    @property
    def expected_count(self) -> float:
        """Mean of the count's whole distribution."""
        return float(self.count_chances @ np.arange(len(self.count_chances)))

    @property
    def activity(self) -> float:
        """Chance of any lesion."""
        return float(1 - self.count_chances[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class CountChances:
    """Distribution of the count of each forecast; it is 0 for sure where the horizon is.

    Attributes:
        log_means: Of the two kinds of patients.
        log_shapes: Of their gamma rates.
        log_weights: How many there are of each kind.
    """

    log_means: Float[Tensor, "batch 2"]
    log_shapes: Float[Tensor, "batch 2"]
    log_weights: Float[Tensor, "batch 2"]

    def log_chance(self, count: Float[Tensor, " batch"]) -> Float[Tensor, " batch"]:
        """Log chance of one count each."""
        mean, shape = self.log_means.exp(), self.log_shapes.exp()
        found = count[:, None]
        parts = (
            torch.lgamma(found + shape)
            - torch.lgamma(shape)
            - torch.lgamma(found + 1)
            - shape * torch.log1p(mean / shape)
            + found * (self.log_means - torch.log(shape + mean))
        )
        return torch.logsumexp(self.log_weights + parts, 1)

    def table(self) -> Float[Tensor, "batch count"]:
        """Chance of 0, 1, 2 ... lesions; the last column holds all that are more."""
        counts = torch.arange(MOST_LESIONS, dtype=torch.float32, device=self.log_means.device)
        columns = [self.log_chance(c.expand(len(self.log_means))) for c in counts]
        chances = torch.stack(columns, 1).double().exp()
        rest = (1 - chances.sum(1, keepdim=True)).clamp(min=0)
        return torch.cat([chances, rest], 1).float()

    def towards(self, other: "CountChances", scale: float) -> "CountChances":
        """This distribution moved towards another one: 0 is this, 1 that, 2 twice as far."""
        moved = {
            name: own + scale * (getattr(other, name) - own) for name, own in vars(self).items()
        }
        weights = moved["log_weights"].log_softmax(1)
        return CountChances(**{**moved, "log_weights": weights})

    @property
    def means(self) -> Float[Tensor, " batch"]:
        """Expected counts."""
        return (self.log_weights.exp() * self.log_means.exp()).sum(1)


class CountHead(nn.Module):
    """The count's distribution from treatment, horizon, covariates and burden."""

    def __init__(self, numbers: int, width: int) -> None:
        super().__init__()
        self.treatment = nn.Embedding(len(treatments()), _ARM_WIDTH)
        self.plain = nn.Linear(numbers + _ARM_WIDTH, 5)
        last = nn.Linear(width, 5)
        self.bent = nn.Sequential(
            nn.Linear(numbers + _ARM_WIDTH, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            last,
        )
        nn.init.zeros_(last.weight)
        with torch.no_grad():  # a typical placebo arm to begin with; the second kind has few
            last.bias.copy_(torch.tensor([1.0, -1.5, 0.0, 0.0, -0.5]))

    def forward(
        self, treatment: Int[Tensor, " batch"], numbers: Float[Tensor, "batch number"]
    ) -> CountChances:
        """One distribution a row; the first of `numbers` is half the horizon in years."""
        shown = torch.cat([numbers, self.treatment(treatment)], 1)
        told = self.plain(shown) + self.bent(shown)
        years = (2 * numbers[:, :1]).clamp(min=1e-6).log()
        return CountChances(
            log_means=(years + told[:, :2]).clamp(-20, 5.5),
            log_shapes=told[:, 2:4].clamp(-4, 4),
            log_weights=F.logsigmoid(torch.cat([-told[:, 4:], told[:, 4:]], 1)),
        )


def quantiles(
    chances: Float[Tensor, "1 count"], levels: Float[Tensor, " sample"]
) -> Int[Tensor, " sample"]:
    """The count at each level of a distribution: the least with so much chance below or at it."""
    below = chances[0].double().cumsum(0)
    return torch.searchsorted(below, levels.double()).clamp(max=MOST_LESIONS)
