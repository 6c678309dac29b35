"""New and enlarging T2 (NET2) lesions between two visits, by one written rule.

Follow-up lesions are compared with the baseline lesions they overlap. Lesions that have flown
together, or come apart, are compared as one group, so that merging is not taken for growth.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sequela.core.checks import check_choice, check_finite
from sequela.core.errors import GeometryMismatchError, InvalidInputError

Mask = Bool[np.ndarray, "depth height width"]
Labels = Int[np.ndarray, "depth height width"]
_TOUCH = {6: 1, 18: 2, 26: 3}  # what counts as touching: faces; edges too; corners too


@dataclass(frozen=True, kw_only=True)
class Net2Rule:
    """What counts as a new, and as an enlarging lesion.

    Attributes:
        minimum_mm3: Smaller lesions at follow-up, and smaller growth, are not counted. 9 is three
            voxels of 1 x 1 x 3 mm.
        growth: Least gain in volume of an enlarging lesion, as a share of what it was.
        connectivity: Neighbours that make one lesion: 6, 18 or 26.
    """

    minimum_mm3: float = 9.0
    growth: float = 0.5
    connectivity: int = 26

    def __post_init__(self) -> None:
        check_finite("minimum_mm3", self.minimum_mm3, minimum=0.0)
        check_finite("growth", self.growth, minimum=0.0)
        check_choice("connectivity", str(self.connectivity), [str(n) for n in _TOUCH])

    def __str__(self) -> str:
        return (
            "New: a follow-up lesion that overlaps no baseline lesion. Enlarging: a lesion that "
            f"gained at least {self.growth:.0%} of its volume and {self.minimum_mm3:g} mm3 over "
            f"the baseline lesions it overlaps. At least {self.minimum_mm3:g} mm3, "
            f"{self.connectivity}-connected."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Net2:
    """NET2 lesions of a follow-up.

    Attributes:
        new: Voxels of new lesions.
        enlarging: Voxels that enlarging lesions gained.
        new_count: How many new lesions.
        enlarging_count: How many enlarging lesions.
        voxel_ml: Volume of a voxel.
        rule: By which they were found; report it with every count.
    """

    new: Mask
    enlarging: Mask
    new_count: int
    enlarging_count: int
    voxel_ml: float
    rule: Net2Rule

    @property
    def mask(self) -> Mask:
        """New lesions, and the grown part of enlarging ones."""
        return np.asarray(self.new | self.enlarging)

    @property
    def count(self) -> int:
        """New and enlarging lesions."""
        return self.new_count + self.enlarging_count

    @property
    def volume_ml(self) -> float:
        """Of `mask`."""
        return float(self.mask.sum() * self.voxel_ml)

    def __str__(self) -> str:
        return (
            f"{self.count} NET2 lesions ({self.new_count} new, {self.enlarging_count} enlarging), "
            f"{self.volume_ml:.2f} mL. {self.rule}"
        )


def derive_net2(
    baseline: Mask,
    follow_up: Bool[np.ndarray, "..."],
    *,
    voxel_ml: float,
    rule: Net2Rule | None = None,
) -> Net2:
    """NET2 lesions from the lesion masks of two visits on one grid.

    Args:
        baseline: Lesions at the first visit. All of them count as known, however small.
        follow_up: Lesions at the second.
        voxel_ml: Volume of a voxel.
        rule: What counts.

    Raises:
        GeometryMismatchError: The masks lie on different grids.
    """
    rule = rule or Net2Rule()
    if baseline.shape != follow_up.shape:
        raise GeometryMismatchError(
            f"`baseline` and `follow_up` must share a grid, got {baseline.shape} and "
            f"{follow_up.shape}. Register and resample one visit to the other first."
        )
    before, _ = label_lesions(baseline, rule.connectivity)
    after, _ = label_lesions(follow_up, rule.connectivity, least=_least(rule, voxel_ml))
    group_before, group_after = _groups(before, after)
    size_before = np.bincount(group_before[before].ravel())
    size_after = np.bincount(group_after[after].ravel(), minlength=len(size_before))
    size_before = np.pad(size_before, (0, len(size_after) - len(size_before)))
    size_before[0] = size_after[0] = 0  # the background is no group
    gain = size_after - size_before
    is_new = (size_before == 0) & (size_after > 0)
    enough = np.maximum(rule.growth * size_before, _least(rule, voxel_ml))
    grown = (size_before > 0) & (size_after > 0) & (gain >= enough)
    where = group_after[after]
    return Net2(
        new=np.asarray(is_new[where]),
        enlarging=np.asarray(grown[where] & ~baseline),
        new_count=int(is_new.sum()),
        enlarging_count=int(grown.sum()),
        voxel_ml=voxel_ml,
        rule=rule,
    )


def label_lesions(mask: Mask, connectivity: int = 26, *, least: int = 1) -> tuple[Labels, int]:
    """Connected lesions of at least some voxels, numbered from 1, and how many there are.

    Raises:
        UnknownNameError: `connectivity` is not 6, 18 or 26.
    """
    check_choice("connectivity", str(connectivity), [str(n) for n in _TOUCH])
    touch = ndimage.generate_binary_structure(3, _TOUCH[connectivity])
    labels, count = ndimage.label(mask, touch)
    keep = np.bincount(labels.ravel(), minlength=count + 1) >= least
    keep[0] = False
    order = np.where(keep, np.cumsum(keep), 0)
    return np.asarray(order[labels], np.int64), int(keep.sum())


def as_lesion_mask(name: str, array: np.ndarray) -> Mask:
    """A mask from a file's numbers.

    Raises:
        InvalidInputError: It is not a volume, or holds anything but 0 and 1.
    """
    if array.ndim != 3:
        raise InvalidInputError(
            f"`{name}` must be one volume, got shape {array.shape}. Save a single time point."
        )
    values = np.unique(array)
    if not np.isin(values, (0, 1)).all():
        shown = ", ".join(f"{v:g}" for v in values[:6])
        raise InvalidInputError(
            f"`{name}` must hold 0 and 1 only, got {shown}. If these are labels of several kinds, "
            "save the lesion label as 0 and 1; if they are shares, cut them at one half."
        )
    return np.asarray(array > 0)


def _least(rule: Net2Rule, voxel_ml: float) -> int:
    """Voxels of the smallest lesion; a coarse grid cannot hold less than one."""
    return max(1, int(np.ceil(rule.minimum_mm3 / (1000 * voxel_ml) - 1e-9)))


def _groups(before: Labels, after: Labels) -> tuple[np.ndarray, np.ndarray]:
    """For every baseline and follow-up lesion the group of lesions that overlap; 0 is none."""
    first, second = int(before.max()) + 1, int(after.max()) + 1
    both = (before > 0) & (after > 0)
    rows, columns = before[both], after[both] + first
    edges = coo_array((np.ones(len(rows)), (rows, columns)), shape=(first + second,) * 2)
    _, group = connected_components(edges, directed=False)
    group = group + 1
    group[0] = group[first] = 0
    return group[:first], group[first:]
