"""Where the lungs are in a CT, by threshold and connected components, with a check of the result.

Quick, without weights, and right for most chests; dense disease along the pleura and consolidation
are closed over only as far as `_CLOSE_MM` reaches. A trained network does better there.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Num
from scipy import ndimage

from sequela.imaging.grid import Grid
from sequela.imaging.regrid import regrid

Mask = Bool[np.ndarray, "depth height width"]
Volume = Float[np.ndarray, "depth height width"]
Spacing = Float[np.ndarray, "3"]

AIR_HU = -1024.0
_WORK_MM = 2.4  # finest grid on which lungs are looked for
_LUNG_HU = -420.0  # voxels below it hold air
_ROOM_HU, _GAS_HU = -960.0, -965.0  # medians of the room's air and of bowel gas
_NECKS_MM = (0.0, 3.0, 5.0, 7.0)  # half the width of what may join the lungs
_HOLE_MM2 = 700.0
_CLOSE_MM = 9.0  # vessels and thin disease along the pleura
_TRACHEA_MM2 = (30.0, 700.0)  # its cross-section
_SMALLEST_ML, _SMALLEST_PART = 60.0, 0.08  # of a lung; share of the largest part
_USUAL_L, _BALANCE = (1.2, 9.0), 0.35
FEWEST_ML = 150.0  # less is no lung


@dataclass(frozen=True, kw_only=True, eq=False)
class LungField:
    """Both lungs of a scan.

    Attributes:
        mask: On the scan's grid; trachea left out.
        volume_ml: Of the mask.
        doubts: What makes the mask doubtful, in words; none where all is as usual.
        origin: Who found it.
    """

    mask: Mask
    volume_ml: float
    doubts: tuple[str, ...]
    origin: str


def find_lungs(volume_hu: Num[np.ndarray, "depth height width"], grid: Grid) -> LungField:
    """The lungs of a chest CT; an empty mask where none are found.

    Args:
        volume_hu: Axes to superior, posterior and left.
        grid: Of the volume.
    """
    work = working_grid(grid)
    volume = _on(volume_hu.astype(np.float32), grid, work)
    mask = _lungs(volume, np.array(work.spacing_mm))
    whole = mask if work is grid else regrid(mask, work, grid) >= 0.5
    return judged(np.asarray(whole), grid, "threshold and components")


def judged(mask: Mask, grid: Grid, origin: str) -> LungField:
    """A mask with its volume and what is doubtful about it."""
    volume_ml = float(mask.sum()) * grid.voxel_ml
    return LungField(mask=mask, volume_ml=volume_ml, doubts=_doubts(mask, grid), origin=origin)


def working_grid(grid: Grid) -> Grid:
    """The same box with steps of at least `_WORK_MM`; the grid itself where it is coarse."""
    factors = np.maximum(_WORK_MM / np.array(grid.spacing_mm), 1)
    if (factors < 1.2).all():
        return grid
    affine = grid.affine.copy()
    affine[:3, :3] *= factors
    affine[:3, 3] += grid.affine[:3, :3] @ ((factors - 1) / 2)
    shape = tuple(max(1, int(n / f)) for n, f in zip(grid.shape, factors, strict=True))
    return Grid(shape=(shape[0], shape[1], shape[2]), affine=affine)


def _on(volume: Volume, source: Grid, target: Grid) -> Volume:
    return volume if target is source else regrid(volume - AIR_HU, source, target) + AIR_HU


def _lungs(volume: Volume, spacing: Spacing) -> Mask:
    airy = volume < _LUNG_HU
    airy &= ~_room(volume, airy)
    airy &= ~_trachea(airy, spacing)
    closed = np.zeros_like(airy)
    for part in _parts(airy, volume, spacing):
        for lung in _apart(part, spacing):  # what lies between the lungs must not be closed over
            closed |= _closed(lung, spacing)
    return _filled(closed, float(spacing[1] * spacing[2]))


def _room(volume: Volume, airy: Mask) -> Mask:
    """Air that reaches the picture's sides on its slice, unless it is as dense as lung."""
    room = np.zeros_like(airy)
    for depth, plane in enumerate(airy):
        labels, _ = ndimage.label(plane)
        rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
        for label in np.unique(rim[rim > 0]):
            piece = labels == label
            if np.median(volume[depth][piece]) < _ROOM_HU:
                room[depth] |= piece
    return room


def _trachea(airy: Mask, spacing: Spacing) -> Mask:
    """Followed downwards from the top, a small piece of air near the middle on every slice."""
    found = np.zeros_like(airy)
    area, middle = float(spacing[1] * spacing[2]), None
    step = max(12.0, 1.5 * float(spacing[0]))  # millimetres it may move from slice to slice
    for depth in range(len(airy) - 1, -1, -1):
        labels, count = ndimage.label(airy[depth])
        if not count:
            if middle is not None:
                break
            continue
        sizes = area * np.bincount(labels.ravel(), minlength=count + 1)[1:]
        centres = np.array(ndimage.center_of_mass(airy[depth], labels, range(1, count + 1)))
        centres *= spacing[1:]
        small = (sizes > _TRACHEA_MM2[0]) & (sizes < _TRACHEA_MM2[1])
        aim = middle if middle is not None else np.array(airy.shape[1:]) * spacing[1:] / 2
        away = np.linalg.norm(centres - aim, axis=1)
        near = small & (away < (step if middle is not None else 45.0))
        if not near.any():
            if middle is not None:
                break
            continue
        best = int(np.argmin(np.where(near, away, np.inf)))
        middle = centres[best]
        found[depth] = labels == best + 1
    if not found.any():
        return found
    away = ndimage.distance_transform_edt(~found, sampling=spacing)
    return np.asarray(away <= 1.5)


def _parts(airy: Mask, volume: Volume, spacing: Spacing) -> list[Mask]:
    """Connected parts large enough to be lung, not as empty as gas, and no foam of the couch."""
    labels, count = ndimage.label(airy)
    if not count:
        return []
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:] * float(np.prod(spacing)) / 1000
    least = max(_SMALLEST_ML, _SMALLEST_PART * float(sizes.max()))
    large = [int(i) + 1 for i in np.argsort(-sizes)[:4] if sizes[i] >= least]
    parts = [labels == i for i in large]
    parts = [part for part in parts if np.median(volume[part]) > _GAS_HU]
    is_cut = bool(parts) and _reaches_side(parts[0])  # a crop through lung
    return [part for part in parts if is_cut or not _reaches_side(part)]


def _reaches_side(part: Mask) -> bool:
    return bool(part[:, [0, -1]].any() or part[:, :, [0, -1]].any())


def _apart(part: Mask, spacing: Spacing) -> list[Mask]:
    """Right and left lung, where they are joined by a bronchus or a thin line of fat."""
    box = ndimage.find_objects(part.astype(np.uint8))[0]
    inner = part[box]
    depth = ndimage.distance_transform_edt(np.pad(inner, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    for reach in _NECKS_MM:
        labels, count = ndimage.label(depth > reach)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        if count > 1 and np.sort(sizes)[-2] > 0.2 * sizes.max():
            seeds = np.isin(labels, np.argsort(-sizes)[:2] + 1)
            nearest = ndimage.distance_transform_edt(
                ~seeds, sampling=spacing, return_distances=False, return_indices=True
            )
            owner = labels[tuple(nearest)]
            return [_back(inner & (owner == i), box, part) for i in np.unique(labels[seeds])]
    return [part]


def _back(inner: Mask, box: tuple[slice, ...], like: Mask) -> Mask:
    whole = np.zeros_like(like)
    whole[box] = inner
    return whole


def _closed(part: Mask, spacing: Spacing) -> Mask:
    """Gaps narrower than twice `_CLOSE_MM` filled; the volume's ends count as lung going on."""
    if not part.any():
        return part
    pad = [int(np.ceil(_CLOSE_MM / s)) + 1 for s in spacing]
    box = ndimage.find_objects(part.astype(np.uint8))[0]
    # beyond the volume's end a lung goes on, beyond its own box there is none
    ends = [
        (("edge" if b.start == 0 else "none"), ("edge" if b.stop == n else "none"))
        for b, n in zip(box, part.shape, strict=True)
    ]
    held = part[box]
    for axis, (low, high) in enumerate(ends):
        for side, kind in ((0, low), (1, high)):
            widths = [(0, 0)] * 3
            widths[axis] = (pad[axis], 0) if side == 0 else (0, pad[axis])
            held = np.pad(held, widths, mode="edge") if kind == "edge" else np.pad(held, widths)
    away = ndimage.distance_transform_edt(~held, sampling=spacing)
    back = ndimage.distance_transform_edt(away <= _CLOSE_MM, sampling=spacing) > _CLOSE_MM
    whole = (back | held)[tuple(slice(p, n - p) for p, n in zip(pad, held.shape, strict=True))]
    return _back(whole, box, part)


def _filled(mask: Mask, pixel_mm2: float) -> Mask:
    """Holes of up to `_HOLE_MM2` on a slice filled: vessels, nodules; not the mediastinum."""
    filled = mask.copy()
    for plane in filled:
        labels, count = ndimage.label(~plane)
        sizes = np.bincount(labels.ravel(), minlength=count + 1) * pixel_mm2
        small = np.flatnonzero(sizes <= _HOLE_MM2)
        plane[np.isin(labels, small[small > 0])] = True
    return filled


def _doubts(mask: Mask, grid: Grid) -> tuple[str, ...]:
    if not mask.any():
        return ("no lung was found",)
    doubts = []
    litres = float(mask.sum()) * grid.voxel_ml / 1000
    if not _USUAL_L[0] <= litres <= _USUAL_L[1]:
        doubts.append(f"{litres:.1f} L is not a usual volume of both lungs")
    columns = np.flatnonzero(mask.any(axis=(0, 1)))
    middle = (columns[0] + columns[-1] + 1) // 2
    halves = sorted([int(mask[:, :, :middle].sum()), int(mask[:, :, middle:].sum())])
    if halves[0] < _BALANCE * halves[1]:
        doubts.append(f"one side has {halves[0] / max(halves[1], 1):.0%} of the other's volume")
    ends = ("lowest", mask[0]), ("highest", mask[-1])
    doubts += [f"the {name} slice cuts through lung" for name, end in ends if end.mean() > 0.02]
    sides = [mask[:, 0], mask[:, -1], mask[:, :, 0], mask[:, :, -1]]
    if any(side.mean() > 0.01 for side in sides):
        doubts.append("the picture's edge cuts through lung")
    return tuple(doubts)
