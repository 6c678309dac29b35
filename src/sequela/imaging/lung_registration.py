"""A follow-up CT onto the baseline inside the lungs: affine, then a smooth field, checked.

Only the lungs are matched: everything else is 0 HU in both, so ribs and diaphragm cannot pull at
them, and the lungs' own surface is the strongest edge. convexAdam alone sees the whole chest: it
compares what surrounds each voxel, not brightness. Found on a grid of a few millimetres.

Source: Siebert et al., arXiv:2112.03053 (convexAdam); Thirion, "Image matching as a diffusion
process", Medical Image Analysis 1998, in the diffeomorphic form of Vercauteren et al., NeuroImage
2009, and free-form deformations of Rueckert et al., IEEE TMI 1999, both by SimpleITK.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Num
from scipy import ndimage

from sequela.core.checks import check_choice, check_positive
from sequela.imaging.grid import Grid
from sequela.imaging.lung_search import convex_adam, search_affine, search_field
from sequela.imaging.regrid import regrid

Volume = Float[np.ndarray, "depth height width"]
Mask = Bool[np.ndarray, "depth height width"]
Points = Float[np.ndarray, "... 3"]

KINDS = {
    "convexadam": "affine, then a discrete search of local features, refined by Adam",
    "demons": "affine, then a smooth field by diffeomorphic demons",
    "bspline": "affine, then free-form deformation on a lattice",
    "affine": "shift, turn, scale and shear",
    "none": "the scans are taken as they lie",
}
DEFAULT_KIND = "convexadam"
_CHEST_HU = (-1000.0, 400.0)
_LUNG_HU, _WEIGHT = -850.0, 0.3  # healthy lung; how much of the contrast around it is shown
_WINDOW_HU = (-1000.0, 0.0)
_MARGIN_MM = 15.0
_FOLDED, _SQUEEZED = 0.0, (0.2, 4.0)  # determinants that no breath brings
_STRETCH = (0.6, 1.7)
_SLAB = 16  # slices moved at once


@dataclass(frozen=True, kw_only=True, eq=False)
class LungAlignment:
    """Where each point of the baseline lies in a follow-up.

    Attributes:
        move: 4x4 map of the baseline's LPS millimetres to the follow-up's.
        field: Millimetres to the left, to the back and upwards added after it, on `grid`, or None.
        grid: Of the field.
        overlap: Dice of both lung masks before and after.
        difference_hu: Mean |difference| in the baseline's lungs before and after.
        folded: Share of the lungs where the field folds over itself.
        squeezed: Share where it shrinks to under a fifth or grows beyond four times.
    """

    move: Float[np.ndarray, "4 4"]
    field: Float[np.ndarray, "3 d h w"] | None
    grid: Grid
    overlap: tuple[float, float]
    difference_hu: tuple[float, float]
    folded: float
    squeezed: float

    @property
    def is_still(self) -> bool:
        """Whether the follow-up was left as it lay."""
        return self.field is None and np.array_equal(self.move, np.eye(4))

    def places(self, points_mm: Points) -> Points:
        """LPS millimetres in the follow-up of points of the baseline."""
        moved = points_mm @ self.move[:3, :3].T + self.move[:3, 3]
        if self.field is None:
            return np.asarray(moved)
        at = np.moveaxis(self.grid.indices_of(points_mm), -1, 0)
        added = [ndimage.map_coordinates(part, at, order=1, mode="nearest") for part in self.field]
        return np.asarray(moved + np.stack(added, axis=-1))

    def applied(self, follow_up: Num[np.ndarray, "d h w"], source: Grid, target: Grid) -> Volume:
        """The follow-up at the baseline's voxels; its edges are repeated.

        Args:
            follow_up: In HU.
            source: Its grid.
            target: The baseline's.
        """
        made = np.empty(target.shape, np.float32)
        values = follow_up.astype(np.float32)
        for part, points in _slabs(target):
            at = np.moveaxis(source.indices_of(self.places(points)), -1, 0)
            made[part] = ndimage.map_coordinates(values, at, order=1, mode="nearest")
        return made


def align_lungs(
    baseline: tuple[Num[np.ndarray, "d h w"], Mask, Grid],
    follow_up: tuple[Num[np.ndarray, "d2 h2 w2"], Mask, Grid],
    *,
    kind: str = DEFAULT_KIND,
    spacing_mm: float = 3.0,
) -> LungAlignment:
    """How a follow-up lies on the baseline, matched inside the lungs.

    Args:
        baseline: HU, lungs and grid.
        follow_up: The same of the follow-up.
        kind: A name in `KINDS`.
        spacing_mm: Smallest step of the grid on which the field is sought.

    Raises:
        MissingExtraError: SimpleITK or convexAdam is not installed.
    """
    check_choice("registration", kind, KINDS)
    check_positive("spacing_mm", spacing_mm)
    if kind == "convexadam":
        convex_adam()  # where it is missing, that is said before anything is searched
    fixed_hu, fixed_lungs, fixed_grid = baseline
    grid = _box(fixed_lungs, fixed_grid, spacing_mm)
    fixed = _shown(fixed_hu, fixed_lungs, fixed_grid, grid, np.eye(4))
    inside = regrid(fixed_lungs, fixed_grid, grid) >= 0.5
    move, field = np.eye(4), None
    if kind != "none":
        move, moving = _moved(fixed, baseline, follow_up, grid, inside)
        if kind != "affine":
            if kind == "convexadam":
                fixed = _chest(fixed_hu, fixed_grid, grid, np.eye(4))
                moving = _chest(follow_up[0], follow_up[2], grid, move)
            field = search_field(fixed, moving, grid, kind)
            # the field was found after the move: carry its millimetres through it
            field = np.einsum("ij,jdhw->idhw", move[:3, :3], field).astype(np.float32)
    return _judged(move, field, grid, baseline, follow_up)


def _moved(
    fixed: Volume,
    baseline: tuple[np.ndarray, Mask, Grid],
    follow_up: tuple[np.ndarray, Mask, Grid],
    grid: Grid,
    inside: Mask,
) -> tuple[Float[np.ndarray, "4 4"], Volume]:
    """The best of three: as it lies, centre on centre, and an affine map from the better one."""
    still, centred = np.eye(4), np.eye(4)
    centred[:3, 3] = _centre(follow_up[1], follow_up[2]) - _centre(baseline[1], baseline[2])
    tried = [(m, _shown(*follow_up, grid, m)) for m in (still, centred)]
    start, moving = min(tried, key=lambda way: _miss(fixed, way[1]))
    bent = start @ search_affine(fixed, moving, grid, inside)
    if not _is_believable(bent):
        return start, moving
    tried = [(start, moving), (bent, _shown(*follow_up, grid, bent))]
    return min(tried, key=lambda way: _miss(fixed, way[1]))


def _is_believable(move: Float[np.ndarray, "4 4"]) -> bool:
    """Whether a breath can be like that: no mirror image, no lung half or twice as long."""
    stretches = np.linalg.svd(move[:3, :3], compute_uv=False)
    is_mirrored = np.linalg.det(move[:3, :3]) <= 0
    return bool(not is_mirrored and stretches.min() > _STRETCH[0] and stretches.max() < _STRETCH[1])


def _miss(first: Volume, second: Volume) -> float:
    return float(np.square(first - second).mean())


def jacobian(
    field: Float[np.ndarray, "3 d h w"], move: Float[np.ndarray, "4 4"], grid: Grid
) -> Volume:
    """Determinant at each voxel: above 1 the follow-up's tissue is larger; from 0 down it folds."""
    inverse = np.linalg.inv(grid.affine[:3, :3])
    slopes = np.stack([np.stack(np.gradient(part)) for part in field])  # to index steps
    per_mm = np.einsum("cadhw,ab->cbdhw", slopes, inverse)
    whole = np.moveaxis(per_mm, (0, 1), (-2, -1)) + move[:3, :3]
    return np.asarray(np.linalg.det(whole), np.float32)


def _box(lungs: Mask, grid: Grid, spacing_mm: float) -> Grid:
    """A grid around the lungs along the same axes, with steps of at least `spacing_mm`."""
    where = [np.flatnonzero(lungs.any(axis=tuple({0, 1, 2} - {k}))) for k in range(3)]
    steps = np.array(grid.spacing_mm)
    low = np.array([w[0] for w in where]) - _MARGIN_MM / steps
    high = np.array([w[-1] for w in where]) + _MARGIN_MM / steps
    factors = np.maximum(spacing_mm / steps, 1)  # thick slices hold no more than they do
    shape = [
        max(8, int(np.ceil((b - a) / f)) + 1) for a, b, f in zip(low, high, factors, strict=True)
    ]
    affine = grid.affine.copy()
    affine[:3, :3] *= factors
    affine[:3, 3] += grid.affine[:3, :3] @ low
    return Grid(shape=(shape[0], shape[1], shape[2]), affine=affine)


def _centre(mask: Mask, grid: Grid) -> Float[np.ndarray, " 3"]:
    middle = np.array(ndimage.center_of_mass(mask))
    return np.asarray(grid.affine[:3, :3] @ middle + grid.affine[:3, 3])


def _shown(
    hu: Num[np.ndarray, "d h w"],
    lungs: Mask,
    source: Grid,
    grid: Grid,
    move: Float[np.ndarray, "4 4"],
    *,
    weight: float = _WEIGHT,
) -> Volume:
    """Lungs on the search's grid, everything else 0 HU; contrast inside them is turned down.

    Disease that grows along the pleura would else look like a lung that shrinks.
    """
    inner = _LUNG_HU + weight * (np.clip(hu, *_WINDOW_HU).astype(np.float32) - _LUNG_HU)
    return regrid(np.where(lungs, inner, np.float32(0)), source, grid, move=move)


def _chest(
    hu: Num[np.ndarray, "d h w"], source: Grid, grid: Grid, move: Float[np.ndarray, "4 4"]
) -> Volume:
    return regrid(np.clip(hu, *_CHEST_HU).astype(np.float32), source, grid, move=move)


def _slabs(grid: Grid) -> Iterator[tuple[slice, Float[np.ndarray, "d h w 3"]]]:
    depth, height, width = grid.shape
    for begin in range(0, depth, _SLAB):
        end = min(depth, begin + _SLAB)
        yield (
            slice(begin, end),
            grid.points_of(np.arange(begin, end), np.arange(height), np.arange(width)),
        )


def _judged(
    move: Float[np.ndarray, "4 4"],
    field: Float[np.ndarray, "3 d h w"] | None,
    grid: Grid,
    baseline: tuple[np.ndarray, Mask, Grid],
    follow_up: tuple[np.ndarray, Mask, Grid],
) -> LungAlignment:
    """The alignment with what tells whether to believe it."""
    raw = LungAlignment(
        move=move,
        field=field,
        grid=grid,
        overlap=(0, 0),
        difference_hu=(0, 0),
        folded=0,
        squeezed=0,
    )
    hu, lungs, source = follow_up
    inside = regrid(baseline[1], baseline[2], grid) >= 0.5
    fixed = _shown(*baseline, grid, np.eye(4), weight=1.0)
    before = _shown(*follow_up, grid, np.eye(4), weight=1.0)
    kept = np.where(lungs, np.clip(hu, *_WINDOW_HU), 0).astype(np.float32)
    after = before if raw.is_still else raw.applied(kept, source, grid)
    lay = regrid(lungs, source, grid) >= 0.5
    laid = lay if raw.is_still else raw.applied(lungs.astype(np.float32), source, grid) >= 0.5
    found = np.ones(grid.shape) if field is None else jacobian(field, move, grid)
    inner = found[inside]
    return LungAlignment(
        move=move,
        field=field,
        grid=grid,
        overlap=(_dice(inside, lay), _dice(inside, laid)),
        difference_hu=(_gap(fixed, before, inside), _gap(fixed, after, inside)),
        folded=float((inner <= _FOLDED).mean()),
        squeezed=float(((inner < _SQUEEZED[0]) | (inner > _SQUEEZED[1])).mean()),
    )


def _dice(first: Mask, second: Mask) -> float:
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else 0.0


def _gap(first: Volume, second: Volume, inside: Mask) -> float:
    return float(np.abs(first - second)[inside].mean())
