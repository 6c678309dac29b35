"""Where lesions come: a map derived from real patients, as chances of small cells of the brain."""

import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates

from sequela.cohorts.synthetic.trial.anatomy import holds_lesions
from sequela.imaging.grid import Grid

Points = Float[np.ndarray, "cell 3"]
_LEVELS = 255  # how the derived file stores shares
_LARGEST = 4.0  # its size factors end here
_PULL_MM = 10.0  # how far an old lesion draws new ones


@dataclass(frozen=True, kw_only=True, eq=False)
class LesionPrior:
    """Cells where lesions may come.

    Attributes:
        centres_mm: Of the cells, LPS millimetres of the atlas.
        chance: That a focus is in a cell; sums to 1.
        size: How large lesions are there against their mean.
        cell_mm: Side of a cell.
    """

    centres_mm: Points
    chance: Float[np.ndarray, " cell"]
    size: Float[np.ndarray, " cell"]
    cell_mm: float

    def beside(self, old_mm: Float[np.ndarray, "old 3"], pull: float) -> Float[np.ndarray, " cell"]:
        """Chances where old lesions draw new ones: the prior times 1 + pull x their density."""
        if not len(old_mm):
            return self.chance
        cells, old = (points.astype(np.float32) / _PULL_MM for points in (self.centres_mm, old_mm))
        half = (cells**2).sum(1)[:, None] / 2 + (old**2).sum(1) / 2 - cells @ old.T
        density = np.exp(-half).sum(1)
        density /= float((density * self.chance).sum())
        drawn = self.chance * (1 + pull * density)
        return np.asarray(drawn / drawn.sum())

    def draw(
        self, count: int, chance: Float[np.ndarray, " cell"], rng: np.random.Generator
    ) -> tuple[Float[np.ndarray, "focus 3"], Float[np.ndarray, " focus"]]:
        """Places of foci, anywhere in their cells, and the size factor there."""
        cells = rng.choice(len(chance), size=count, p=chance)
        shift = rng.uniform(-0.5, 0.5, (count, 3)) * self.cell_mm
        return self.centres_mm[cells] + shift, self.size[cells]


@cache
def load_prior() -> LesionPrior:
    """The prior derived from 13 real lesion maps, kept to the phantom's white matter."""
    foci, size, grid = _stored()
    points = grid.points.reshape(-1, 3).astype(np.float64)
    allowed = (foci.ravel() > 0) & holds_lesions(points)
    chance = foci.ravel()[allowed]
    factor = np.clip(size.ravel()[allowed], 0.25, _LARGEST)
    chance = chance / chance.sum()
    return LesionPrior(
        centres_mm=points[allowed],
        chance=chance,
        size=factor / float((factor * chance).sum()),
        cell_mm=grid.spacing_mm[0],
    )


def prior_on(grid: Grid) -> Float[np.ndarray, "depth height width"]:
    """Density of foci on a grid in atlas space, as derived from real patients; sums to 1."""
    values = prior_at(grid.points)
    return np.asarray(values / values.sum())


def prior_at(points_mm: Float[np.ndarray, "*space 3"]) -> Float[np.ndarray, "*space"]:
    """The same density, not scaled to any sum, at points of the atlas."""
    foci, _, own = _stored()
    places = own.indices_of(points_mm.reshape(-1, 3).astype(np.float64)).T
    values = np.maximum(map_coordinates(foci, places, order=1), 0)
    return np.asarray(values.reshape(points_mm.shape[:-1]))


@cache
def _stored() -> tuple[np.ndarray, np.ndarray, Grid]:
    data = (files("sequela") / "assets" / "lesions" / "prior.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        foci = (stored["foci"] / _LEVELS) ** 2  # stored as a root, so that rare places keep levels
        size = stored["size"] / _LEVELS * _LARGEST
        d, h, w = foci.shape
        return foci, size, Grid(shape=(d, h, w), affine=stored["affine"])
