"""The landmarks of a fundus photograph: retina, optic disc and macula, found classically.

The disc is the bright spot of the right size that vessels run into; the fovea is the dark spot
without vessels some two and a half disc diameters away, towards the temple.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from sequela.conditioning.regions.colour import check_photograph, fitting, shown
from sequela.conditioning.regions.parts import grown
from sequela.conditioning.regions.retina import Disc, lit_disc
from sequela.core import Scan

SIDE = 256
# Of the retina's radius in a photograph of 45 degrees, where the disc spans about 1.8 of 13.5 mm.
DISC_RADIUS = 0.135
MACULA_DISTANCE = 5.0  # disc radii from the disc's centre to the fovea
MACULA_RADIUS = 2.0  # disc radii: the neighbourhood that counts as macula


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A round landmark, in pixels of the scan: row and column of its centre, and its radius."""

    row: float
    column: float
    radius: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Fundus:
    """What was found on a fundus photograph.

    Attributes:
        retina: The lit part, on a small grid.
        disc: The optic disc, or None where nothing stands out enough.
        macula: The neighbourhood of the fovea, or None where the disc is.
        doubt: Why the retina is not to be trusted, in a few words, or None.
    """

    retina: Bool[np.ndarray, "height width"]
    disc: Spot | None
    macula: Spot | None
    doubt: str | None


@lru_cache(maxsize=2)
def find_fundus(scan: Scan) -> Fundus:
    """Retina, optic disc and macula of a fundus photograph.

    Raises:
        InvalidInputError: The scan is a volume.
    """
    check_photograph(scan)
    picture = shown(scan, fitting(scan, SIDE))
    lit = lit_disc(picture)
    doubt = _doubt(lit)
    sight = _Sight.of(picture, lit)
    disc = sight.disc()
    macula = sight.macula(disc) if disc is not None else None
    scale = scan.plane[0] / len(picture)
    return Fundus(
        retina=lit.mask,
        disc=_scaled(disc, scale),
        macula=_scaled(macula, scale),
        doubt=doubt,
    )


def _doubt(lit: Disc) -> str | None:
    share = float(lit.mask.mean())
    if share < 0.15:
        return "hardly anything is lit"
    if share < 0.97 and lit.roundness < 0.75:
        return "what is lit is not round"
    return None


def _scaled(spot: Spot | None, scale: float) -> Spot | None:
    if spot is None:
        return None
    row, column = ((at + 0.5) * scale - 0.5 for at in (spot.row, spot.column))
    return Spot(row=row, column=column, radius=spot.radius * scale)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sight:
    """Brightness and vessels, made equal over the retina."""

    lit: Disc
    bright: Float[np.ndarray, "height width"]
    vessels: Float[np.ndarray, "height width"]

    @classmethod
    def of(cls, picture: Float[np.ndarray, "height width 3"], lit: Disc) -> "_Sight":
        inner = lit.mask
        weight = inner.astype(np.float32)
        green, light = picture[..., 1], picture[..., :2].mean(-1)
        return cls(
            lit=lit,
            bright=_evened(light, weight, 0.45 * lit.radius),
            vessels=_vessels(green, weight, lit.radius),
        )

    def disc(self) -> Spot | None:
        """The place whose inside is brighter than its rim and that vertical vessels run into."""
        radius = DISC_RADIUS * self.lit.radius
        inside, around = _mean_in(self.bright, radius), _mean_in(self.bright, 2.0 * radius)
        stands_out = inside - around
        crowd = _mean_in(self.vessels, 1.3 * radius)
        score = stands_out + 1.0 * crowd - self._far()
        score[~grown(self.lit.mask, -0.6 * radius)] = -np.inf
        row, column = np.unravel_index(np.argmax(score), score.shape)
        if not np.isfinite(score[row, column]) or stands_out[row, column] < 0.25:
            return None
        return Spot(row=float(row), column=float(column), radius=radius)

    def _far(self) -> Float[np.ndarray, "height width"]:
        """Discs lie near the level of the centre, in photographs of the macula or of the disc."""
        rows, columns = np.indices(self.bright.shape)
        down = (rows - self.lit.centre[0]) / self.lit.radius
        across = (columns - self.lit.centre[1]) / self.lit.radius
        beyond = np.clip(np.abs(across) - 0.75, 0, None)
        return np.asarray(1.2 * down**2 + 8.0 * beyond**2)

    def macula(self, disc: Spot) -> Spot | None:
        """The darkest place without vessels about where the fovea lies from the disc."""
        radius = disc.radius
        dark = -_mean_in(self.bright, 0.6 * radius) - 0.5 * _mean_in(self.vessels, radius)
        rows, columns = np.indices(dark.shape)
        down = (rows - disc.row) / radius - 0.6  # the fovea lies a little below the disc
        across = np.abs(columns - disc.column) / radius - MACULA_DISTANCE
        off_centre = np.hypot(rows - self.lit.centre[0], columns - self.lit.centre[1])
        score = dark - 0.25 * (down**2 + across**2) - 2.0 * (off_centre / self.lit.radius) ** 2
        score[~grown(self.lit.mask, -radius)] = -np.inf
        row, column = np.unravel_index(np.argmax(score), score.shape)
        if not np.isfinite(score[row, column]):
            return None
        return Spot(row=float(row), column=float(column), radius=MACULA_RADIUS * radius)


def _evened(
    values: Float[np.ndarray, "height width"],
    weight: Float[np.ndarray, "height width"],
    sigma: float,
) -> Float[np.ndarray, "height width"]:
    """Deviation from the neighbourhood's mean in spreads of the whole; 0 outside the weight."""
    total = ndimage.gaussian_filter(weight, sigma) + 1e-6
    mean = ndimage.gaussian_filter(values * weight, sigma) / total
    deviation = (values - mean) * weight
    spread = float(np.sqrt((deviation**2).sum() / max(1.0, weight.sum())))
    return np.asarray(np.clip(deviation / (spread + 1e-4), -3, 3))


def _vessels(
    green: Float[np.ndarray, "height width"],
    weight: Float[np.ndarray, "height width"],
    radius: float,
) -> Float[np.ndarray, "height width"]:
    """Dark upright lines, narrow against the disc, in spreads of the whole."""
    sigma = max(0.7, 0.012 * radius)
    smooth = ndimage.gaussian_filter(green, (2.5 * sigma, sigma))
    line = np.clip(ndimage.gaussian_laplace(smooth, sigma), 0, None)
    line = line * (ndimage.minimum_filter(weight, max(3, round(0.1 * radius))) > 0)
    spread = float(np.sqrt((line**2).sum() / max(1.0, weight.sum())))
    return np.asarray(np.clip(line / (spread + 1e-5), 0, 4))


def _mean_in(
    values: Float[np.ndarray, "height width"], radius: float
) -> Float[np.ndarray, "height width"]:
    """Mean in a soft disk about every pixel."""
    return np.asarray(ndimage.gaussian_filter(values, radius / 1.5))
