"""Case: one patient's image made ready for a backbone, and its states brought back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Float
from torch import Tensor

from sequela.core import InvalidInputError, Region, Scan, State, StateKind
from sequela.diffusion import Backbone, Posterior
from sequela.imaging import (
    Composer,
    Fit,
    add_change,
    channels_first,
    effective_region,
    match_channels,
    quantise,
    to_model_range,
)
from sequela.simulators.editing.config import ProgressiveEditing


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One scan on one backbone.

    Attributes:
        scan: The baseline.
        backbone: The diffusion prior.
        settings: How it is edited.
        fit: Where the scan lies in the model's square.
        regions: `effective` always; `requested` and `protected` where they were given.
        posterior: The encoded baseline, batch of one.
        is_regional: Whether a region or a protected region was given.
    """

    scan: Scan
    backbone: Backbone
    settings: ProgressiveEditing
    fit: Fit
    regions: Mapping[str, Region]
    posterior: Posterior
    is_regional: bool

    @classmethod
    def of(
        cls,
        scan: Scan,
        backbone: Backbone,
        settings: ProgressiveEditing,
        *,
        region: Region | None,
        protected: Region | None,
        size: int,
    ) -> "Case":
        """Check the grids, feather the region, encode the baseline."""
        check_picture(scan)
        region, protected = on_grid(region, scan), on_grid(protected, scan)
        given = {"requested": region, "protected": protected}
        fit = Fit.of(scan.plane, size)
        everywhere = np.ones(scan.space, np.float32)
        effective = effective_region(
            everywhere if region is None else region.array,
            None if protected is None else protected.array,
            feather_px=settings.feather * max(scan.space),
        )
        if not effective.any():
            raise InvalidInputError(
                "`region` must leave some pixel free to change, but region and protected region "
                "together leave none. Draw a larger region."
            )
        origin = "whole image" if region is None else region.origin
        regions = {"effective": Region(array=effective, origin=origin)}
        regions |= {name: one for name, one in given.items() if one is not None}
        image = match_channels(
            channels_first(to_model_range(scan.array, scan.window)), backbone.image_channels
        )
        batch = torch.from_numpy(fit.forward(image).copy())[None].to(backbone.device)
        with torch.inference_mode():
            posterior = backbone.encode(batch)
        return cls(
            scan=scan,
            backbone=backbone,
            settings=settings,
            fit=fit,
            regions=regions,
            posterior=posterior,
            is_regional=region is not None or protected is not None,
        )

    @property
    def effective(self) -> Float[np.ndarray, "height width"]:
        """The soft mask that is used."""
        return self.regions["effective"].array

    def batch(self, samples: int) -> Posterior:
        """The encoded baseline, once for each sample."""
        return Posterior(
            mean=self.posterior.mean.repeat(samples, 1, 1, 1),
            std=self.posterior.std.repeat(samples, 1, 1, 1),
        )

    def latent_region(self) -> Float[Tensor, "1 1 height width"] | None:
        """The effective region on the latents' grid; None when the whole image may change."""
        return self.latent_mask(self.effective) if self.is_regional else None

    def latent_mask(
        self, mask: Float[np.ndarray, "height width"]
    ) -> Float[Tensor, "1 1 latent_height latent_width"]:
        """A soft mask of the image's grid on the latents' grid."""
        square = np.clip(self.fit.forward(mask[None]), 0, 1)
        batch = torch.from_numpy(square)[None].to(self.posterior.mean)
        # Bilinear without antialias, as published: the mean of the central 2x2 pixels of a cell.
        return F.interpolate(batch, size=self.posterior.mean.shape[-2:], mode="bilinear")

    @torch.inference_mode()
    def decode(self, latents: Float[Tensor, "batch latent h w"]) -> Float[np.ndarray, "b c s s"]:
        """Decoded images in about [-1, 1].

        One at a time: the last bits of a decoded image depend on what shares its batch, and a
        branch, whose batch is another, must repeat its parent's states exactly.
        """
        parts = [self.backbone.decode(z) for z in latents.split(1)]
        return torch.cat(parts).float().cpu().numpy()

    def states(
        self,
        latents: Float[Tensor, "step latent h w"],
        steps: Sequence[int],
        *,
        before: np.ndarray | None = None,
    ) -> tuple[State, ...]:
        """States on the scan's grid, scored against the baseline and against their predecessor.

        Args:
            latents: One for each state.
            steps: Their numbers; 0 is the scan itself.
            before: The image before the first of them; None for a branch from the baseline.
        """
        decoded = self.decode(torch.cat([self.posterior.mean, latents]))
        reference, edited = decoded[0], decoded[1:]
        composer = Composer.of(self.scan.array, self.scan.window, self.fit, reference)
        states: list[State] = []
        for step, image in zip(steps, edited, strict=True):
            array = self.scan.array if step == 0 else self._image(composer, image)
            scores = {
                "mean_change": self.mean_change(array, self.scan.array),
                "step_change": self.mean_change(array, array if before is None else before),
            }
            kind: StateKind = "observed" if step == 0 else "simulated"
            states.append(State(image=array, kind=kind, step=step, scores=scores))
            before = array
        return tuple(states)

    def largest_move(
        self, before: Float[Tensor, "batch latent h w"], after: Float[Tensor, "batch latent h w"]
    ) -> float:
        """Mean |change| inside the region from one state to the next, of the fastest sample.

        As a share of the window's width, and measured at the model's size.
        """
        region = self.fit.forward(self.effective[None])
        # the model's scale spans 2 from black to white
        moved = np.abs(self.decode(after) - self.decode(before)).mean(axis=1, keepdims=True) / 2
        return float(((moved * region).sum(axis=(1, 2, 3)) / region.sum()).max())

    def mean_change(self, image: np.ndarray, other: np.ndarray) -> float:
        """Mean |difference| inside the effective region, as a share of the window's width."""
        difference = np.abs(image.astype(np.float32) - other.astype(np.float32))
        if difference.ndim == 3:
            difference = difference.mean(axis=-1)
        width = self.scan.window.high - self.scan.window.low
        return float((difference * self.effective).sum() / self.effective.sum() / width)

    def _image(self, composer: Composer, decoded: Float[np.ndarray, "c s s"]) -> np.ndarray:
        weight = self._weight()
        if self.settings.compose:
            return composer.state(decoded, weight)
        scan = self.scan
        channels = 3 if scan.is_colour else 1
        image = match_channels(np.clip(self.fit.back(decoded), -1, 1), channels)
        baseline = channels_first(to_model_range(scan.array, scan.window))
        return add_change(scan.array, image - baseline, weight, scan.window)

    def _weight(self) -> Float[np.ndarray, "height width"]:
        """Where the image may differ from the baseline at all."""
        if self.settings.compose and self.settings.keep_outside == 0:
            return self.effective
        protected = self.regions.get("protected")
        free = np.ones_like(self.effective)
        if protected is not None:
            free[protected.array > 0] = 0
        if self.settings.keep_outside == 0:
            free[self.effective == 0] = 0
        return free


def check_picture(scan: Scan) -> None:
    """Refuse a volume."""
    if scan.is_volume:
        raise InvalidInputError(
            f"`scan` must be one image, but {scan.source.name} is a volume of shape "
            f"{scan.array.shape}. Progressive editing works on 2-D images; give a slice."
        )


def on_grid(region: Region | None, scan: Scan) -> Region | None:
    """The region in the levels a file holds, once it is known to lie on the scan's grid."""
    if region is None:
        return None
    region.check_grid(scan.space)
    return replace(region, array=quantise(region.array))
