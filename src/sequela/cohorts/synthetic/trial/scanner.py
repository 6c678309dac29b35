"""What a centre's scanner makes of a head: sequences it has, contrast, blur, shading, noise."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from sequela.imaging.grid import Grid

Volume = Float[np.ndarray, "depth height width"]
SEQUENCES = ("T1", "T2", "FLAIR", "PD", "T1-Gd")
_ALWAYS = ("T1", "T2", "FLAIR")
_MISSING = {"PD": 0.25, "T1-Gd": 0.15}  # share of centres without them


@dataclass(frozen=True, kw_only=True, eq=False)
class Scanner:
    """One centre's machine.

    Attributes:
        sequences: Those it makes, in the order of `SEQUENCES`.
        gain: Arbitrary units per unit of signal, by sequence.
        gamma: Contrast: the signal's exponent, by sequence.
        noise: Standard deviation against white matter on T1.
        shading: Depth of the smooth field that multiplies the image.
        blur_mm: Standard deviation of the point spread.
    """

    sequences: tuple[str, ...]
    gain: dict[str, float]
    gamma: dict[str, float]
    noise: float
    shading: float
    blur_mm: float

    def record(self, signal: Volume, sequence: str, grid: Grid, rng: np.random.Generator) -> Volume:
        """The image of a noiseless signal, in arbitrary units >= 0."""
        blurred = gaussian_filter(signal, [self.blur_mm / s for s in grid.spacing_mm])
        shown = np.maximum(blurred, 0) ** self.gamma[sequence] * self._field(grid, rng)
        real, other = self.noise * rng.standard_normal((2, *shown.shape), dtype=np.float32)
        magnitude = np.hypot(shown + real, other)  # magnitude images have Rician noise
        return np.asarray(self.gain[sequence] * magnitude, np.float32)

    def _field(self, grid: Grid, rng: np.random.Generator) -> Volume:
        """A slow wave around 1, as receive coils leave it."""
        axes = [np.linspace(-1, 1, n, dtype=np.float32) for n in grid.shape]
        slope, bend = rng.normal(0, 0.5, 3), rng.normal(0, 0.35, 3)
        parts = [a * s + b * (a**2 - 1 / 3) for a, s, b in zip(axes, slope, bend, strict=True)]
        wave = parts[0][:, None, None] + parts[1][None, :, None] + parts[2][None, None]
        return np.asarray(np.exp(self.shading * wave), np.float32)


def scanner_of(centre: int, centre_seed: int) -> Scanner:
    """The scanner of a centre; the same in every run."""
    rng = np.random.default_rng([centre_seed, 7, centre])
    has = tuple(s for s in SEQUENCES if rng.random() >= _MISSING.get(s, 0.0) or s in _ALWAYS)
    return Scanner(
        sequences=has,
        gain={s: float(10 ** rng.uniform(2.2, 3.2)) for s in SEQUENCES},
        gamma={s: float(rng.uniform(0.85, 1.15)) for s in SEQUENCES},
        noise=float(rng.uniform(0.012, 0.04)),
        shading=float(rng.uniform(0.03, 0.15)),
        blur_mm=float(rng.uniform(0.3, 1.0)),
    )
