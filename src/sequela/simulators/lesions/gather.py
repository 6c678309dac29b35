"""A visit's scans on one grid: resampled by their headers, and moved where the patient moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sequela.core import GeometryMismatchError, InvalidInputError, Scan
from sequela.imaging.grid import Grid, grid_of
from sequela.imaging.net2 import as_lesion_mask
from sequela.imaging.regrid import regrid, regrid_lesions, regrid_mask
from sequela.imaging.rigid import Alignment, align

Volume = Float[np.ndarray, "depth height width"]
Mask = Bool[np.ndarray, "depth height width"]
_SAME_MM = 1e-3  # affines closer than this are one grid
_OVERLAP = 0.5  # least share of the main image's content that another must show
_MOVED_MM, _FAR_MM = 0.5, 25.0
_GAIN = 0.005  # least gain in similarity for which an image is moved


@dataclass(frozen=True, kw_only=True, eq=False)
class Gathered:
    """Volumes and masks on one grid.

    Attributes:
        grid: Of all.
        images: By sequence, arbitrary units.
        lesions: Lesion mask, if given.
        brain: Brain mask, if given.
        notices: What was resampled and moved.
    """

    grid: Grid
    images: dict[str, Float[np.ndarray, "depth height width"]]
    lesions: Bool[np.ndarray, "depth height width"] | None = None
    brain: Bool[np.ndarray, "depth height width"] | None = None
    notices: tuple[str, ...] = ()


def gather(
    scans: Mapping[str, Scan],
    *,
    lesions: Scan | None,
    brain: Scan | None,
    first: Sequence[str],
    move: bool,
) -> Gathered:
    """Everything on the grid of the first sequence there is.

    Args:
        scans: Volumes by sequence.
        lesions: Lesion mask.
        brain: Brain mask.
        first: Sequences by preference for the grid.
        move: Whether to correct movement.

    Raises:
        GeometryMismatchError: A volume shows another place, or another head.
        InvalidInputError: A mask is no mask, or the brain mask is empty.
    """
    name = next(n for n in first if n in scans)
    grid = grid_of(scans[name], name)
    main = _Main(name=name, image=scans[name].array.astype(np.float32), grid=grid)
    images, notices = {name: main.image}, []
    for other in [n for n in first if n in scans and n != name]:
        images[other], told = _brought(other, scans[other], main, move=move)
        notices += told
    marked, told = _lesions(lesions, grid)
    return Gathered(
        grid=grid,
        images=images,
        lesions=marked,
        brain=_brain(brain, grid),
        notices=(*notices, *told),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Main:
    """The sequence whose grid all others are brought to."""

    name: str
    image: Volume
    grid: Grid


def _brought(name: str, scan: Scan, main: _Main, *, move: bool) -> tuple[Volume, list[str]]:
    own, values = grid_of(scan, name), scan.array.astype(np.float32)
    notices = []
    if not _same(own, main.grid):
        notices.append(f"{name} lies on another grid than {main.name} and was resampled to it.")
        _check_overlap(name, regrid(values > 0, own, main.grid), main)
    found = align(main.image, main.grid, values, own) if move else None
    if found is not None and found.distance_mm > _FAR_MM:
        raise GeometryMismatchError(
            f"`{name}` must show the same head as {main.name}, but would have to move by "
            f"{found.distance_mm:.0f} mm. Check that both are of one patient and visit."
        )
    if found is not None and _worth_it(found):
        notices.append(f"{name} was moved by {found.distance_mm:.1f} mm to fit {main.name}.")
        return regrid(values, own, main.grid, move=found.move), notices
    return (values if _same(own, main.grid) else regrid(values, own, main.grid)), notices


def _worth_it(found: Alignment) -> bool:
    gained = found.similarity - found.similarity_before
    return found.distance_mm >= _MOVED_MM and gained >= _GAIN


def _lesions(scan: Scan | None, grid: Grid) -> tuple[Mask | None, list[str]]:
    if scan is None:
        return None, []
    mask, own = as_lesion_mask("lesions", scan.array), grid_of(scan, "lesions")
    if _same(own, grid):
        return mask, []
    moved = regrid_lesions(mask, own, grid)
    return moved, ["The lesion mask lies on another grid and was resampled."]


def _brain(scan: Scan | None, grid: Grid) -> Mask | None:
    if scan is None:
        return None
    mask, own = as_lesion_mask("brain", scan.array), grid_of(scan, "brain")
    mask = mask if _same(own, grid) else regrid_mask(mask, own, grid)
    if not mask.any():
        raise InvalidInputError(
            "`brain` must hold at least one voxel on the images' grid, got an empty mask. "
            "Check that it is of the same visit, or leave it out to have one found."
        )
    return mask


def _check_overlap(name: str, moved: Volume, main: _Main) -> None:
    content = main.image > 0.2 * float(np.percentile(main.image, 99))
    shown = float((moved[content] > 0.5).mean()) if content.any() else 0.0
    if shown < _OVERLAP:
        raise GeometryMismatchError(
            f"`{name}` must show the same place as {main.name}, but covers {shown:.0%} of it. "
            "Check that both are of one patient, and that neither has lost its affine."
        )


def _same(one: Grid, two: Grid) -> bool:
    return one.shape == two.shape and bool(np.abs(one.affine - two.affine).max() < _SAME_MM)
