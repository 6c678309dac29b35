"""Region control: the frames move inside the region, and outside it only as the states demand.

Source: Liang et al., arXiv:2309.11745, equation (10). Departs from it by default: there, all frames
show the mean of both states outside the region, so that a clip jumps to and from its own states;
here the outside moves linearly from one to the other.
"""

from dataclasses import dataclass

import numpy as np

from sequela.core import GeometryMismatchError, InvalidInputError
from sequela.core.checks import check_choice, check_finite
from sequela.imaging import effective_region
from sequela.simulators.transition.engine import Clip, Picture, SoftMask, Weights

OUTSIDE = {
    "ramp": "moves linearly from one state to the other",
    "paper": "shows the mean of both states in every frame between them",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Confinement:
    """Where a clip may move as its engine draws it.

    Attributes:
        region: Soft mask in [0, 1] on the states' grid; None is the whole picture.
        protected: Soft mask; every pixel above 0 keeps the first state's value in all frames but
            the last, which is the last state. The states of a run agree there.
        outside: `ramp`, or `paper` as published.
        feather_px: Width over which the region's border is softened, inwards; 0 takes the mask as
            it is.
    """

    region: SoftMask | None = None
    protected: SoftMask | None = None
    outside: str = "ramp"
    feather_px: float = 0.0

    def __post_init__(self) -> None:
        check_choice("outside", self.outside, OUTSIDE)
        check_finite("feather_px", self.feather_px, minimum=0)
        for name, mask in (("region", self.region), ("protected", self.protected)):
            # one comparison that nan fails too
            if mask is not None and not (mask.min() >= 0 and mask.max() <= 1):
                raise InvalidInputError(
                    f"`{name}` must lie in [0, 1], got {mask.min():g} to {mask.max():g}. "
                    "Scale it first."
                )

    def check_grid(self, space: tuple[int, ...]) -> None:
        """Refuse masks on another grid than the states."""
        for name, mask in (("region", self.region), ("protected", self.protected)):
            if mask is not None and mask.shape != space:
                raise GeometryMismatchError(
                    f"`{name}` must lie on the states' grid {space}, got {mask.shape}. "
                    "Resample it first."
                )

    def effective(self, space: tuple[int, int]) -> SoftMask:
        """The soft mask the engine's frames are multiplied with."""
        whole = np.ones(space, np.float32)
        region = whole if self.region is None else self.region.astype(np.float32)
        if self.feather_px == 0:
            free = whole if self.protected is None else (self.protected == 0).astype(np.float32)
            return np.asarray(region * free)
        return effective_region(region, self.protected, feather_px=self.feather_px)

    def applied(self, clip: Clip, first: Picture, last: Picture, weights: Weights) -> Clip:
        """The clip inside, and the states' own path outside."""
        if self.region is None and self.protected is None:
            return clip
        mask = self.effective((clip.shape[2], clip.shape[3]))
        shares = weights if self.outside == "ramp" else np.full_like(weights, 0.5)
        path = np.stack([first + share * (last - first) for share in shares])
        # where mask is 0 the path is taken as it is, to the last bit
        mixed = np.where(mask > 0, path + mask * (clip - path), path)
        if self.protected is not None:
            mixed = np.where(self.protected > 0, first, mixed)
        return np.asarray(mixed, dtype=np.float32)
