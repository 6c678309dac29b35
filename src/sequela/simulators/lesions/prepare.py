"""One visit's MR images as the model reads them: one grid, one scale, flags for what is there.

Sequences may be missing, a brain mask and a lesion mask may be given; what is not given is found by
simple offline methods, and the result says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from sequela.core import GeometryMismatchError, InvalidInputError, Scan
from sequela.core.checks import check_choice
from sequela.imaging.brain import Scale, even_out, find_brain
from sequela.imaging.flair import FLAIR_THRESHOLD, flair_lesions, looks_flipped
from sequela.imaging.grid import Grid
from sequela.imaging.regrid import regrid, regrid_lesions, regrid_mask
from sequela.simulators.lesions.atlas import likely_at
from sequela.simulators.lesions.gather import Gathered, gather

SEQUENCES = ("T1", "T2", "FLAIR", "PD", "T1-Gd")
_FOR_BRAIN = ("FLAIR", "T1", "T2", "PD", "T1-Gd")  # the first that is there shows the brain
_LARGEST_LOAD_ML = 200.0  # of lesions at baseline
Volume = Float[np.ndarray, "depth height width"]
Mask = Bool[np.ndarray, "depth height width"]


@dataclass(frozen=True, kw_only=True, eq=False)
class VisitImages:
    """Files of one visit.

    Attributes:
        sequences: Volumes by name, out of `SEQUENCES`.
        lesions: T2 lesion mask of 0 and 1; found on FLAIR when missing.
        brain: Brain mask of 0 and 1; found when missing.
    """

    sequences: Mapping[str, Scan]
    lesions: Scan | None = None
    brain: Scan | None = None

    def __post_init__(self) -> None:
        for name in self.sequences:
            check_choice("sequence", name, SEQUENCES)
        if not self.sequences:
            raise InvalidInputError(
                f"`sequences` must hold at least one of {', '.join(SEQUENCES)}, got none."
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedVisit:
    """What the model reads.

    Attributes:
        grid: Of everything below.
        images: In [-1, 1], in the order of `SEQUENCES`; -1 outside the brain and where missing.
        present: Which sequences are there.
        lesions: T2 lesions.
        brain: Brain with its ventricles.
        lesions_from: `given`, or the name of the method that found them.
        brain_from: `given` or `found`.
        scales: How arbitrary units became [-1, 1], by sequence.
        notices: What a user should know, one sentence each.
    """

    grid: Grid
    images: Float[np.ndarray, "sequence depth height width"]
    present: Bool[np.ndarray, " sequence"]
    lesions: Mask
    brain: Mask
    lesions_from: str
    brain_from: str
    scales: Mapping[str, Scale] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def prepare_visit(visit: VisitImages, *, register: bool = True) -> PreparedVisit:
    """Bring a visit's files to the grid of its FLAIR, or of the first sequence there is.

    Args:
        visit: The files.
        register: Whether to correct movement between the sequences.

    Raises:
        InvalidInputError: A mask holds other values than 0 and 1, is empty, or lies on the wrong
            side; no brain is found.
        GeometryMismatchError: The files do not overlap, or show different heads.
    """
    return prepare_gathered(gather_visit(visit, register=register))


def gather_visit(visit: VisitImages, *, register: bool = True) -> Gathered:
    """A visit's files on one grid, in their own units; see `prepare_visit`."""
    return gather(
        visit.sequences, lesions=visit.lesions, brain=visit.brain, first=_FOR_BRAIN, move=register
    )


def main_sequence(visit: VisitImages) -> str:
    """The sequence whose grid all others are brought to."""
    return next(name for name in _FOR_BRAIN if name in visit.sequences)


def prepare_images(
    images: Mapping[str, Volume],
    grid: Grid,
    *,
    lesions: Mask | None = None,
    brain: Mask | None = None,
) -> PreparedVisit:
    """The same from arrays that share a grid, such as those of the known-truth trial.

    Raises:
        GeometryMismatchError: An array has another shape than the grid.
        InvalidInputError: An array holds NaN, a mask is empty, no brain is found.
    """
    for name, array in {**images, "lesions": lesions, "brain": brain}.items():
        if array is not None and array.shape != grid.shape:
            raise GeometryMismatchError(
                f"`{name}` must have the grid's shape {grid.shape}, got {array.shape}."
            )
    for name, image in images.items():
        check_choice("sequence", name, SEQUENCES)
        if not np.isfinite(image).all():
            raise InvalidInputError(
                f"`{name}` must be finite, but it holds NaN or infinite values. Replace them first."
            )
    return prepare_gathered(Gathered(grid=grid, images=dict(images), lesions=lesions, brain=brain))


def on_grid(prepared: PreparedVisit, grid: Grid) -> PreparedVisit:
    """The visit on another grid, around the same place: the model's own is coarser."""
    # linear interpolation brings 0 from outside the field of view: shift so that this is air
    images = [regrid(image + 1, prepared.grid, grid) - 1 for image in prepared.images]
    brain = regrid_mask(prepared.brain, prepared.grid, grid)
    lesions = regrid_lesions(prepared.lesions, prepared.grid, grid)
    return PreparedVisit(
        **vars(prepared)
        | {
            "grid": grid,
            "images": np.where(brain, np.stack(images), -1).astype(np.float32),
            "brain": brain,
            "lesions": lesions,
        }
    )


def prepare_gathered(gathered: Gathered) -> PreparedVisit:
    """What the model reads, from volumes and masks on one grid; see `prepare_visit`."""
    grid, brain = gathered.grid, gathered.brain
    if brain is None:
        shown = next(name for name in _FOR_BRAIN if name in gathered.images)
        brain = find_brain(gathered.images[shown], grid.spacing_mm)
    for image in gathered.images.values():
        Scale.of(image, brain)  # refuses an empty brain before anything is fitted to it
    even = {name: even_out(image, brain)[0] for name, image in gathered.images.items()}
    scales = {name: Scale.of(image, brain) for name, image in even.items()}
    lesions, origin = gathered.lesions, "given"
    if lesions is None:
        lesions, origin = _found_lesions(even, brain, grid), FLAIR_THRESHOLD
    elif "FLAIR" in even and looks_flipped(lesions, even["FLAIR"], brain):
        raise InvalidInputError(
            "`lesions` must lie on the FLAIR's bright lesions, but fits clearly better flipped "
            "left to right. Check how the mask was exported; its affine may have lost a sign."
        )
    images = np.full((len(SEQUENCES), *grid.shape), -1, np.float32)
    for name, image in even.items():
        images[SEQUENCES.index(name)] = np.where(brain, scales[name](image), -1)
    return PreparedVisit(
        grid=grid,
        images=images,
        present=np.array([name in even for name in SEQUENCES]),
        lesions=lesions,
        brain=brain,
        lesions_from=origin,
        brain_from="found" if gathered.brain is None else "given",
        scales=scales,
        notices=(*gathered.notices, *_notices(even, origin)),
    )


def _notices(images: Mapping[str, Volume], lesions_from: str) -> list[str]:
    told = []
    if "FLAIR" not in images:
        told.append("There is no FLAIR: lesions are seen best on it, the forecast is less sure.")
    if lesions_from != "given":
        told.append(
            f"No lesion mask was given: lesions were found by {lesions_from}, a simple baseline "
            "that misses many. Give a reader's mask where you have one."
        )
    return told


def _found_lesions(images: Mapping[str, Volume], brain: Mask, grid: Grid) -> Mask:
    if "FLAIR" not in images:
        raise InvalidInputError(
            "`lesions` must be given when there is no FLAIR: nothing else is searched for lesions."
        )
    found = flair_lesions(images["FLAIR"], brain, grid.spacing_mm, likely=likely_at(brain, grid))
    load_ml = float(found.sum()) * grid.voxel_ml
    if load_ml > _LARGEST_LOAD_ML:
        raise InvalidInputError(
            f"`lesions` could not be found: {FLAIR_THRESHOLD} marks {load_ml:.0f} mL of "
            f"{float(brain.sum()) * grid.voxel_ml:.0f} mL of brain, more than patients have "
            f"({_LARGEST_LOAD_ML:.0f} mL). Check that the brain mask leaves out skull and scalp, "
            "or give a lesion mask."
        )
    return found
