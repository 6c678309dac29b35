"""The loss of a forecaster of latents, and of its decoded changes laid over the given scans.

Source: Zhao et al., "4D-VQ-GAN", arXiv:2502.05713, section 2.2, with the weights of its code; the
energy score of two samples by Gneiting and Raftery, JASA 2007, equation (22).
"""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from sequela.simulators.lungs.codec import VolumeCodec
from sequela.simulators.lungs.forecaster import Forecaster, Visits
from sequela.training.lung_latents import Crops
from sequela.training.lung_settings import LungForecastNetwork


class ForecastLoss(nn.Module):
    """The forecaster with its loss, so that one forward pass can be spread over processes."""

    def __init__(
        self,
        forecaster: Forecaster,
        settings: LungForecastNetwork,
        codec: VolumeCodec | None = None,
    ) -> None:
        """`codec` decodes for the loss of voxels; it stays as it is and is not saved with this."""
        super().__init__()
        self.forecaster = forecaster
        self.settings = settings
        self._codec = (codec,)  # in a tuple, or its weights would be taken for this module's

    def forward(  # noqa: PLR0913, PLR0917  # accelerate hands over tensors alone
        self,
        latents: Float[Tensor, "batch scan channel d h w"],
        targets: Float[Tensor, "batch scan channel d h w"],
        is_seen: Bool[Tensor, "batch scan"],
        is_real: Bool[Tensor, "batch scan"],
        years: Float[Tensor, "batch scan"],
        inside: Bool[Tensor, "batch d h w"],
        facts: Float[Tensor, "batch fact"],
        seed: int,
        *crops: Tensor,
    ) -> dict[str, Tensor]:
        """Errors of states and of their changes between consecutive scans, in the lungs.

        `latents` are what may be given, `targets` what should be forecast for the same dates;
        `crops` are what `Crops` names, where voxels are compared too.
        """
        visits = Visits(latents=latents, is_seen=is_seen, years=years, facts=facts)
        if self.settings.is_stochastic:
            draws = [torch.Generator().manual_seed(seed + i) for i in (0, 1)]
            one, two = (self.forecaster(visits, years, draw) for draw in draws)
            terms = [energy(_in_lungs(x, inside, is_real) for x in (one, two, targets))]
            return {"loss": terms[0], "energy": terms[0].detach()}
        made = self.forecaster(visits, years)
        weights = self._weights(years, is_real)
        states, changes = errors(made, targets, inside, weights)
        scale = self.forecaster.config.latent_scale**2
        loss = (self.settings.state_weight * states + changes) / scale
        figures = {"states": states.detach(), "changes": changes.detach()}
        if crops:
            voxels = self._voxels(made, Crops(*crops))
            loss = loss + self.settings.voxel_weight * voxels
            figures["voxels"] = voxels.detach()
        return {"loss": loss, **figures}

    def _voxels(
        self, made: Float[Tensor, "batch scan channel d h w"], crops: Crops
    ) -> Float[Tensor, ""]:
        """Mean squared error in the lungs of decoded changes laid over the given scans."""
        codec = self._codec[0]
        if codec is None:
            raise TypeError("a loss of voxels needs a codec")
        codec = codec.to(made.device)
        parts = []
        for row, (corner, picks) in enumerate(zip(crops.corners, crops.picks, strict=True)):
            sides = zip(corner.tolist(), crops.inside.shape[1:], strict=True)
            d, h, w = (slice(start, start + side) for start, side in sides)
            parts.append(made[row, picks][:, :, d, h, w])
        inside = crops.inside[:, None]
        first, newest, wanted = (
            torch.where(inside, state, crops.around) for state in torch.stack(parts, dim=1)
        )
        with torch.no_grad():
            known = (codec.decode(first) + codec.decode(newest)) / 2
        shown = crops.scans.mean(dim=1) + (codec.decode(wanted) - known)[:, 0]
        error = (shown - crops.targets).square() * crops.lungs
        total: Tensor = error.sum() / crops.lungs.sum().clamp(min=1)
        return total

    def _weights(self, years: Tensor, is_real: Tensor) -> Float[Tensor, "batch scan"]:
        weights = is_real.float()
        if self.settings.time_weights == "linear":
            weights = weights * years
            weights = weights * is_real.sum() / weights.sum().clamp(min=1e-6)
        return weights


def errors(
    made: Float[Tensor, "batch scan channel d h w"],
    real: Float[Tensor, "batch scan channel d h w"],
    inside: Bool[Tensor, "batch d h w"],
    weights: Float[Tensor, "batch scan"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Weighted mean squared errors in the lungs: of states, and of consecutive differences."""
    volume = inside[:, None, None].to(made)

    def mean(error: Tensor, weight: Tensor) -> Tensor:
        shares = weight[..., None, None, None, None] * volume
        return (shares * error.square()).sum() / (shares.sum() * made.shape[2]).clamp(min=1)

    states = mean(made - real, weights)
    both = weights[:, 1:] * (weights[:, :-1] > 0)
    return states, mean(made.diff(dim=1) - real.diff(dim=1), both)


def energy(parts: Any) -> Float[Tensor, ""]:
    """The energy score of two samples for each row: small where they surround what is real."""
    one, two, real = parts
    error = 0.5 * ((one - real).norm(dim=-1) + (two - real).norm(dim=-1))
    score: Tensor = (error - 0.5 * (one - two).norm(dim=-1)).mean()
    return score


def _in_lungs(x: Tensor, inside: Tensor, is_real: Tensor) -> Float[Tensor, "row number"]:
    masked = x * inside[:, None, None]
    return masked[is_real].flatten(1) / inside.sum().clamp(min=1).sqrt()
