"""Morph: the pictures between two, with content carried along its flow from one to the other.

What is seen through something need not move with it: an opacity drifts, and the ribs behind it
stay. So coarse content and fine detail each follow the flow only where that explains what changed
in them. Else translucent things would drag along what lies behind them.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from sequela.imaging.flow import Field, Image, backward, carried, optical_flow, resize_flow, scaled

Bands = tuple[Image, Image]  # coarse content and detail; they add up to the picture
_FLOW_SIDE = 256  # pixels of the longer side at which flows are found and turned around
# Chosen on drawn progressions with seeds from 100 up; seeds from 0 up are reported.
_COARSE_PX = 4.0  # standard deviation that parts coarse content from detail, on the flows' grid
_NEAR_PX = 4.0  # neighbourhood in which a flow must prove itself
_PROBES = 8  # moments at which the pace of a clip is looked at
_STILL = 1e-5  # mean change of a whole clip that is but rounding
_ALIKE_PX = 1.5  # neighbourhood in which two stories are compared
_GRAIN = 0.02  # difference, on the scale from -1 to 1, too small to prove anything
_DECISION = 4  # how firmly the better explanation wins


@dataclass(frozen=True, kw_only=True, eq=False)
class Flows:
    """How one band of two pictures moves, both ways, at the size flows are found at."""

    forward: Field
    reverse: Field

    @classmethod
    def trusted(cls, first: Image, last: Image, *, forward: Field, reverse: Field) -> "Flows":
        """The flows, shortened where leaving things in place explains this band as well."""
        return cls(
            forward=forward * _trust(first, last, forward),
            reverse=reverse * _trust(last, first, reverse),
        )

    def told(self, first: Image, last: Image, weight: float) -> tuple[Image, Image]:
        """The moment as the first picture tells it, and as the last one does."""
        space = (first.shape[1], first.shape[2])
        from_first = resize_flow(backward(self.forward, weight), space)
        from_last = resize_flow(backward(self.reverse, 1 - weight), space)
        return carried(first, from_first, sharp=True), carried(last, from_last, sharp=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Morph:
    """Two pictures and how their content moves from one to the other.

    Beside a moving border the background stays, and what was covered, uncovered, or appeared
    without moving is blended.

    Attributes:
        first: In [-1, 1].
        last: On the same grid.
        coarse: How coarse content moves.
        detail: How fine detail moves.
    """

    first: Image
    last: Image
    coarse: Flows
    detail: Flows

    @classmethod
    def of(cls, first: Image, last: Image) -> "Morph":
        """Find the flows both ways."""
        height, width = first.shape[1:]
        scale = min(1.0, _FLOW_SIDE / max(height, width))
        space = (max(2, round(height * scale)), max(2, round(width * scale)))
        here, there = scaled(first, space), scaled(last, space)
        forward, reverse = optical_flow(here, there), optical_flow(there, here)
        coarse, detail = (
            Flows.trusted(*band, forward=forward, reverse=reverse)
            for band in zip(_bands(here), _bands(there), strict=True)
        )
        return cls(first=first, last=last, coarse=coarse, detail=detail)

    def at(self, weight: float) -> Image:
        """The picture at `weight`: 0 is the first, 1 the last, exactly."""
        if weight in (0, 1):  # resampling by nothing is not free of rounding
            return self.first if weight == 0 else self.last
        return _mixed(*self._told(self._own, weight), weight)

    def carrying(self, first: Image, last: Image, weight: float) -> Image:
        """Two other pictures or maps on the same grid, morphed along the same flows."""
        if weight in (0, 1):
            return first if weight == 0 else last
        return _mixed(*self._told((_bands(first), _bands(last)), weight), weight)

    def disagreement(self, weight: float) -> Float[np.ndarray, "height width"]:
        """How far the two pictures tell the moment differently: what was torn, bared or covered."""
        early, late = self._told(self._own, weight)
        apart = ((late - early) ** 2).mean(axis=0)
        return np.asarray(np.sqrt(gaussian_filter(apart, _ALIKE_PX)), dtype=np.float32)

    @cached_property
    def _own(self) -> tuple[Bands, Bands]:
        return _bands(self.first), _bands(self.last)

    def _told(self, pictures: tuple[Bands, Bands], weight: float) -> tuple[Image, Image]:
        """The moment as the first of two pictures tells it, and as the last one does."""
        (coarse_first, fine_first), (coarse_last, fine_last) = pictures
        coarse = self.coarse.told(coarse_first, coarse_last, weight)
        fine = self.detail.told(fine_first, fine_last, weight)
        return coarse[0] + fine[0], coarse[1] + fine[1]

    def paced(self, frames: int) -> Float[np.ndarray, " frame"]:
        """Moments from 0 to 1 between which equally much changes.

        Evenly spaced ones change more near the ends, where content starts to be resampled.
        """
        even = np.linspace(0, 1, frames, dtype=np.float32)
        probed = np.linspace(0, 1, min(frames, _PROBES), dtype=np.float32)
        seen = self.frames(probed)
        changes = np.abs(np.diff(seen, axis=0)).mean(axis=(1, 2, 3), dtype=np.float64)
        passed = np.concatenate([[0.0], changes.cumsum()])
        if passed[-1] < _STILL:
            return even
        return np.interp(even, passed / passed[-1], probed).astype(np.float32)

    def frames(
        self, weights: Float[np.ndarray, " frame"]
    ) -> Float[np.ndarray, "frame channel height width"]:
        """One picture for each weight."""
        return np.stack([self.at(float(weight)) for weight in weights])


def _mixed(early: Image, late: Image, weight: float) -> Image:
    return np.asarray(early + np.float32(weight) * (late - early), dtype=np.float32)


def _bands(picture: Image) -> Bands:
    wide = _COARSE_PX * max(1.0, max(picture.shape[1:]) / _FLOW_SIDE)
    coarse = gaussian_filter(picture, (0, wide, wide), mode="nearest")
    return coarse, picture - coarse


def _trust(here: Image, there: Image, flow: Field) -> Float[np.ndarray, "height width"]:
    """0 where leaving things in place explains the other picture better, 1 where the flow does."""
    moved, stayed = (
        gaussian_filter(((here - other) ** 2).mean(axis=0).astype(np.float64), _NEAR_PX)
        for other in (carried(there, flow), there)
    )
    grain = _GRAIN ** (2 * _DECISION)
    return np.asarray(
        stayed**_DECISION / (stayed**_DECISION + moved**_DECISION + grain), dtype=np.float32
    )
