"""Lesions as ellipsoids with a life: they come, swell, lose a third, and shrink or slowly expand.

Sources: sizes log-normal with a median of about 45 mm3; a third of a new lesion is transient
(Meier and Guttmann 2006); 3 to 4 % shrinkage a year; about a tenth expands slowly.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sequela.cohorts.synthetic.trial.anatomy import ventricles
from sequela.cohorts.synthetic.trial.prior import LesionPrior
from sequela.imaging.grid import Grid

Block = tuple[slice, slice, slice]
_WEEK = 7 / 365.25
_PEAK, _SETTLED = 6 * _WEEK, 12 * _WEEK
_START, _LASTING = 0.4, 2 / 3  # of the peak volume, when first seen and once settled
_SHRINKAGE, _EXPANSION = -0.035, 0.03  # log volume a year
_EXPANDING_SHARE = 0.1
DETECTION_MM3 = 9.0  # three voxels of 1 x 1 x 3 mm: nothing smaller is a lesion
_LARGEST_MM3 = 12000.0
_FINE = (4, 2, 2)  # points per voxel along d, h, w from which the covered share is counted
_UNEVEN = 0.4  # how far the squared radius of an outline goes up and down
_COVERED = 0.5  # share of a voxel from which it belongs to a mask


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesions:
    """Ellipsoids, one a row.

    Attributes:
        centres_mm: LPS millimetres in the patient.
        turns: Rotations whose rows are the ellipsoids' axes.
        stretch: Relative half axes, product 1.
        waves: Of the wave that makes the outline uneven: its vector, and its phase.
        peak_mm3: Volume when largest.
        onset_years: From baseline; negative for those that are there already.
        trend: Log volume a year once settled.
        contrast: Brightness against a typical lesion, about 1.
        black_hole: How dark on T1 against a typical lesion, [0, 1].
    """

    centres_mm: Float[np.ndarray, "lesion 3"]
    turns: Float[np.ndarray, "lesion 3 3"]
    stretch: Float[np.ndarray, "lesion 3"]
    waves: Float[np.ndarray, "lesion 4"]
    peak_mm3: Float[np.ndarray, " lesion"]
    onset_years: Float[np.ndarray, " lesion"]
    trend: Float[np.ndarray, " lesion"]
    contrast: Float[np.ndarray, " lesion"]
    black_hole: Float[np.ndarray, " lesion"]

    def __len__(self) -> int:
        return len(self.peak_mm3)

    def only(self, chosen: np.ndarray) -> "Lesions":
        """The lesions at some indices or of a mask."""
        return Lesions(**{name: value[chosen] for name, value in vars(self).items()})

    def joined(self, other: "Lesions") -> "Lesions":
        """These lesions and, after them, others."""
        more = vars(other)
        return Lesions(**{n: np.concatenate([v, more[n]]) for n, v in vars(self).items()})

    def volumes_mm3(self, years: float) -> Float[np.ndarray, " lesion"]:
        """Volume at a time; 0 before the onset."""
        return np.asarray(self.peak_mm3 * life(years - self.onset_years, self.trend))


def life(age_years: np.ndarray, trend: np.ndarray) -> np.ndarray:
    """Volume of a lesion by its age, as a share of its peak."""
    growing = _START + (1 - _START) * age_years / _PEAK
    resolving = 1 - (1 - _LASTING) * (age_years - _PEAK) / (_SETTLED - _PEAK)
    settled = _LASTING * np.exp(trend * (age_years - _SETTLED))
    stages = [age_years < 0, age_years < _PEAK, age_years < _SETTLED]
    return np.asarray(np.select(stages, [0 * growing, growing, resolving], settled))


def draw_lesions(
    onset_years: Float[np.ndarray, " lesion"],
    chance: Float[np.ndarray, " cell"],
    prior: LesionPrior,
    rng: np.random.Generator,
    *,
    median_mm3: float,
    sigma: float,
) -> Lesions:
    """Lesions of random place, size and shape, in atlas space."""
    count = len(onset_years)
    centres, local = prior.draw(count, chance, rng)
    volume = median_mm3 * local * np.exp(sigma * rng.standard_normal(count))
    trend = np.where(rng.random(count) < _EXPANDING_SHARE, _EXPANSION, _SHRINKAGE)
    stretch = np.exp(0.25 * rng.standard_normal((count, 3)))
    beside = ventricles(centres) < 8
    stretch[beside, 0] *= 1.8  # along the veins, which run away from the ventricles
    return Lesions(
        centres_mm=centres,
        turns=_turns(centres, rng),
        stretch=stretch / np.cbrt(stretch.prod(1, keepdims=True)),
        waves=rng.standard_normal((count, 4)) * [2.0, 2.0, 2.0, np.pi],
        peak_mm3=np.clip(volume, DETECTION_MM3 / _START, _LARGEST_MM3),
        onset_years=np.asarray(onset_years, np.float64),
        trend=trend,
        contrast=np.exp(0.15 * rng.standard_normal(count)),
        black_hole=rng.beta(1.2, 1.8, count),
    )


def _turns(centres: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rotations whose first row points away from the ventricles, the others anywhere."""
    step = np.eye(3)
    away = np.stack([ventricles(centres + e) - ventricles(centres - e) for e in step], axis=-1)
    rows = [away + 0.2 * rng.standard_normal(away.shape)]
    rows[0] /= np.linalg.norm(rows[0], axis=1, keepdims=True) + 1e-9
    other = rng.standard_normal(away.shape)
    other -= (other * rows[0]).sum(1, keepdims=True) * rows[0]
    rows.append(other / (np.linalg.norm(other, axis=1, keepdims=True) + 1e-9))
    rows.append(np.cross(rows[0], rows[1]))
    return np.stack(rows, axis=1)


def paint(
    lesions: Lesions, volumes_mm3: Float[np.ndarray, " lesion"], grid: Grid
) -> Iterator[tuple[int, Block, Float[np.ndarray, "d h w"]]]:
    """For every lesion in view: its index, a block of the grid, the covered share of its voxels."""
    radii = np.cbrt(volumes_mm3 / (4 / 3 * np.pi))[:, None] * lesions.stretch
    reach = np.sqrt(((lesions.turns * radii[:, :, None]) ** 2).sum(1) * (1 + _UNEVEN))  # x, y, z
    middle = grid.indices_of(lesions.centres_mm)
    slope = np.abs(np.linalg.inv(grid.affine)[:3, :3])
    extent = reach @ slope.T
    low = np.maximum(np.ceil(middle - extent - 0.5), 0).astype(int)
    high = np.minimum(np.floor(middle + extent + 0.5) + 1, grid.shape).astype(int)
    for i in np.flatnonzero((volumes_mm3 > 0) & (high > low).all(1)):
        d, h, w = (slice(int(lo), int(hi)) for lo, hi in zip(low[i], high[i], strict=True))
        axes = (lesions.turns[i] / radii[i][:, None]).astype(np.float32)
        points = _points(grid, low[i], high[i]) - lesions.centres_mm[i].astype(np.float32)
        yield int(i), (d, h, w), _covered(points @ axes.T, lesions.waves[i])


def _points(grid: Grid, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Millimetres of the points from which a block's covered shares are counted."""
    d, h, w = (
        lo + (np.arange((hi - lo) * fine) + 0.5) / fine - 0.5
        for lo, hi, fine in zip(low, high, _FINE, strict=True)
    )
    return grid.points_of(d, h, w)


def _covered(at: np.ndarray, wave: np.ndarray) -> Float[np.ndarray, "d h w"]:
    """Share of points within an ellipsoid of radius about 1, voxel by voxel."""
    vector = wave[:3].astype(np.float32)
    border = 1 + _UNEVEN * np.cos(at @ vector + np.float32(wave[3]))
    inside = ((at**2).sum(-1) < border).astype(np.float32)
    parts = [
        n for size, fine in zip(inside.shape, _FINE, strict=True) for n in (size // fine, fine)
    ]
    return np.asarray(inside.reshape(parts).mean(axis=(1, 3, 5)))


def mask_of(
    lesions: Lesions,
    volumes_mm3: Float[np.ndarray, " lesion"],
    grid: Grid,
    *,
    without: Bool[np.ndarray, "depth height width"] | None = None,
) -> Bool[np.ndarray, "depth height width"]:
    """Voxels that lesions cover by half, and of every lesion its most covered voxel.

    Lesion by lesion, so that fewer lesions can only give a subset.

    Args:
        lesions: To draw.
        volumes_mm3: Of each.
        grid: To draw on.
        without: Voxels that are left out, such as those of old lesions.
    """
    mask = np.zeros(grid.shape, bool)
    for _, block, share in paint(lesions, volumes_mm3, grid):
        free = share if without is None else np.where(without[block], 0, share)
        if (most := float(free.max())) > 0:
            mask[block] |= free >= min(_COVERED, most)
    return mask
