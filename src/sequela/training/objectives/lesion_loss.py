"""The lesion forecaster with what it is trained to."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from sequela.simulators.lesions.losses import overlap_loss, place_loss, voxel_loss
from sequela.simulators.lesions.network import LesionForecaster, Level, Told
from sequela.training.lesion_settings import LesionForecastNetwork

_SCALE = 0.1  # of the voxels' loss, so that counts and places move alike


class LesionLoss(nn.Module):
    """The forecaster with its loss, so that one forward pass can be spread over processes."""

    def __init__(self, settings: LesionForecastNetwork) -> None:
        super().__init__()
        self.forecaster = LesionForecaster(settings.config)
        self.settings = settings

    def forward(  # noqa: PLR0913, PLR0917  # accelerate hands over tensors alone
        self,
        seen: Float[Tensor, "patient seen depth height width"],
        present: Float[Tensor, "patient 5"],
        free: Bool[Tensor, "patient 1 depth height width"],
        truth: Float[Tensor, "draw 1 depth height width"],
        noise: Float[Tensor, "draw 1 depth height width"],
        level: Float[Tensor, "3 draw"],
        treatment: Int[Tensor, " draw"],
        numbers: Float[Tensor, "draw number"],
        count: Float[Tensor, " draw"],
        rows: tuple[Tensor, Tensor, Tensor],
    ) -> dict[str, Tensor]:
        """Losses of places and of counts."""
        draws = len(truth) // len(seen)
        known = self.forecaster.encode(seen, present, free).repeated(draws)
        within = free.repeat_interleave(draws, 0).to(truth)
        signal, deviation, share = level
        at = Level(signal=signal, noise=deviation, share=share)
        wide = (slice(None), None, None, None, None)
        noisy = signal[wide] * (2 * truth - 1) + deviation[wide] * noise
        told = Told(treatment=treatment, numbers=numbers)
        odds = self.forecaster(noisy, at, known, told, count)
        voxels = voxel_loss(odds, truth, within, count)
        hidden = torch.zeros_like(deviation) if self.settings.is_deterministic else deviation
        overlap = overlap_loss(odds.sigmoid(), truth, within, hidden)
        losses = {
            "voxels": _SCALE * voxels.mean(),
            "places": place_loss(known.base, truth * within).mean(),
            "overlap": overlap.mean(),
        }
        row_treatment, row_numbers, row_count = rows
        losses["counts"] = (
            -self.forecaster.counts(row_treatment, row_numbers).log_chance(row_count).mean()
        )
        total = (
            losses["voxels"]
            + self.settings.place_weight * losses["places"]
            + self.settings.overlap_weight * losses["overlap"]
            + losses["counts"]
        )
        return {"loss": total, **{name: value.detach() for name, value in losses.items()}}
