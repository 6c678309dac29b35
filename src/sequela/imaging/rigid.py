"""Rigid registration of two volumes of one head, by mutual information.

Source: Mattes et al., "PET-CT image registration in the chest using free-form deformations", IEEE
TMI 2003, by SimpleITK.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from sequela.core import GeometryMismatchError
from sequela.imaging.grid import Grid
from sequela.imaging.itk import as_image, plain_method, simple_itk

Volume = Float[np.ndarray, "depth height width"]
_BINS = 32
_LEVELS = (4, 2)  # shrunk by so much; half the voxels' size is fine enough for a head
_STEP_MM, _LEAST_STEP_MM, _STEPS = 2.0, 1e-3, 60


@dataclass(frozen=True, kw_only=True, eq=False)
class Alignment:
    """How one volume lies in another.

    Attributes:
        move: 4x4 map of the fixed volume's LPS millimetres to the moving one's.
        similarity: Mutual information there, in nats.
        similarity_before: As it was without moving.
        distance_mm: How far the middle of the fixed volume's content moves.
    """

    move: Float[np.ndarray, "4 4"]
    similarity: float
    similarity_before: float
    distance_mm: float


def align(
    fixed: Volume, fixed_grid: Grid, moving: Float[np.ndarray, "d h w"], moving_grid: Grid
) -> Alignment:
    """The rigid move that makes the moving volume tell most of the fixed one.

    Starts from where the headers put both; finds turns of some degrees and shifts of some
    centimetres, no more. Every voxel counts and one thread does the work: same bits each time.

    Raises:
        GeometryMismatchError: The volumes do not overlap.
        MissingExtraError: SimpleITK is not installed.
    """
    sitk = simple_itk()
    here, there = as_image(sitk, fixed, fixed_grid), as_image(sitk, moving, moving_grid)
    middle = _middle(fixed, fixed_grid)
    start = sitk.Euler3DTransform()
    start.SetCenter([float(v) for v in middle])
    method = _method(sitk, start)
    try:
        before = -float(method.MetricEvaluate(here, there))
        method.Execute(here, there)
        similarity = -float(method.MetricEvaluate(here, there))
    except RuntimeError as error:
        raise GeometryMismatchError(
            "`sequences` must show one head, but two of them do not overlap. Check that none has "
            "lost its affine, or take them as they lie with --registration none."
        ) from error
    turn, shift = np.array(start.GetMatrix()).reshape(3, 3), np.array(start.GetTranslation())
    move = np.eye(4)
    move[:3, :3], move[:3, 3] = turn, shift + middle - turn @ middle
    return Alignment(
        move=move,
        similarity=similarity,
        similarity_before=before,
        distance_mm=float(np.linalg.norm(shift)),
    )


def _method(sitk: Any, start: Any) -> Any:
    method = plain_method(sitk, _LEVELS)
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetOptimizerAsRegularStepGradientDescent(
        _STEP_MM, _LEAST_STEP_MM, _STEPS, relaxationFactor=0.6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(start, inPlace=True)
    return method


def _middle(volume: Volume, grid: Grid) -> np.ndarray:
    place = np.array(ndimage.center_of_mass(np.maximum(volume, 0)))
    return np.asarray(grid.affine[:3, :3] @ place + grid.affine[:3, 3])
