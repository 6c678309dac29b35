"""Exposure: bring the grey values of one film of a patient to those of another.

Two films of one patient differ in dose, processing and display far more than in disease; without a
match every frame between them would show the change of exposure.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sequela.core.checks import check_choice

Picture = Float[np.ndarray, "channel height width"]
MATCHES = {
    "keep": "grey values stay as they are",
    "linear": "one gain and one offset",
    "curve": "a rising curve that gives both films the same histogram",
}
_BLACK = -0.98  # values below it are the rim of a film, not the patient
_KNOTS = 33  # of a curve
_SAME_GAIN, _SAME_OFFSET = 0.05, 0.03  # differences that nobody sees
_FEWEST = 64  # pixels from which a match can be told


@dataclass(frozen=True, kw_only=True, eq=False)
class Exposure:
    """A rising map of grey values for each channel, in [-1, 1].

    Attributes:
        given: Knots on the side of the moving film, `[channel, knot]`.
        taken: What they become.
    """

    given: Float[np.ndarray, "channel knot"]
    taken: Float[np.ndarray, "channel knot"]

    @classmethod
    def of(
        cls,
        moving: Picture,
        fixed: Picture,
        *,
        seen: Bool[np.ndarray, "height width"],
        kind: str = "linear",
    ) -> "Exposure":
        """The map that brings `moving` to the exposure of `fixed`.

        Args:
            moving: In [-1, 1], registered.
            fixed: In [-1, 1], on the same grid.
            seen: Which pixels both films show.
            kind: A name in `MATCHES`.
        """
        check_choice("exposure", kind, MATCHES)
        same = np.array([[-1.0, 1.0]] * len(moving))
        body = seen & (moving.max(axis=0) > _BLACK) & (fixed.max(axis=0) > _BLACK)
        if kind == "keep" or body.sum() < _FEWEST:
            return cls(given=same, taken=same)
        pairs = [
            _linear(m[body], f[body]) if kind == "linear" else _curve(m[body], f[body])
            for m, f in zip(moving, fixed, strict=True)
        ]
        given, taken = (np.stack(side) for side in zip(*pairs, strict=True))
        return cls(given=given, taken=taken)

    def applied(self, image: Picture) -> Picture:
        """The picture in the other film's exposure, within [-1, 1]; its black rim stays black."""
        layers = [
            np.where(layer > _BLACK, np.interp(layer, given, taken), layer)
            for layer, given, taken in zip(image, self.given, self.taken, strict=True)
        ]
        return np.stack(layers).clip(-1, 1).astype(np.float32)

    @property
    def gain(self) -> float:
        """Mean slope."""
        rise = self.taken[:, -1] - self.taken[:, 0]
        return float((rise / (self.given[:, -1] - self.given[:, 0])).mean())

    @property
    def offset(self) -> float:
        """Mean change of mid grey."""
        changes = [np.interp(0.0, g, t) for g, t in zip(self.given, self.taken, strict=True)]
        return float(np.mean(changes))

    @property
    def differs(self) -> bool:
        """Whether anybody could see the difference."""
        change = np.abs(self.taken - self.given).max()
        return abs(self.gain - 1) > _SAME_GAIN or bool(change > _SAME_OFFSET)


def _linear(
    moving: Float[np.ndarray, " n"], fixed: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    """Equal mean and spread; a regression would flatten what the films do not share."""
    gain = float(fixed.std() / max(float(moving.std()), 1e-6))
    ends = np.array([-1.0, 1.0])
    return ends, (ends - moving.mean()) * gain + fixed.mean()


def _curve(
    moving: Float[np.ndarray, " n"], fixed: Float[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, " knot"], Float[np.ndarray, " knot"]]:
    shares = np.linspace(0, 1, _KNOTS)
    given = np.maximum.accumulate(np.quantile(moving, shares) + 1e-6 * np.arange(_KNOTS))
    return given, np.quantile(fixed, shares)
