"""The searches of `lung_registration` with SimpleITK and convexAdam: plain arrays in and out."""

import warnings
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage

from sequela.core import InvalidInputError
from sequela.imaging.grid import Grid
from sequela.imaging.itk import as_image, missing, plain_method, simple_itk

Volume = Float[np.ndarray, "d h w"]

_LEVELS = (4, 2, 1)
_DEMONS_STEPS = (40, 30, 15)  # on each level
_DEMONS_SMOOTH = 2.0  # voxels; of the whole field after each step
_LATTICE_MM = 30.0
_CONVEX_LEAST = 30  # voxels: five cells of the grid that it searches on
_AFFINE_STEPS, _BSPLINE_STEPS = 30, 25


def search_affine(
    fixed: Volume, moving: Volume, grid: Grid, inside: Bool[np.ndarray, "d h w"]
) -> Float[np.ndarray, "4 4"]:
    """The map of `fixed`'s millimetres to `moving`'s, both on one grid.

    Raises:
        InvalidInputError: No overlap was found.
        MissingExtraError: SimpleITK is not installed.
    """
    sitk = simple_itk()
    here, there = as_image(sitk, fixed, grid), as_image(sitk, moving, grid)
    start = sitk.AffineTransform(3)
    middle = grid.affine[:3, :3] @ np.argwhere(inside).mean(0) + grid.affine[:3, 3]
    start.SetCenter([float(v) for v in middle])
    method = _method(sitk, (4, 2))
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, _AFFINE_STEPS, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(start, inPlace=True)
    _run(method, here, there)
    matrix = np.array(start.GetMatrix()).reshape(3, 3)
    centre, shift = np.array(start.GetCenter()), np.array(start.GetTranslation())
    move = np.eye(4)
    move[:3, :3], move[:3, 3] = matrix, shift + centre - matrix @ centre
    return move


def search_field(
    fixed: Volume, moving: Volume, grid: Grid, kind: str
) -> Float[np.ndarray, "3 d h w"]:
    """Millimetres to the left, to the back and upwards from `fixed` to `moving`.

    Args:
        fixed: On `grid`.
        moving: On the same.
        grid: Of both.
        kind: `convexadam`, `demons` or `bspline`.

    Raises:
        MissingExtraError: The library of `kind` is not installed.
    """
    if kind == "convexadam":
        return _convex(fixed, moving, grid)
    sitk = simple_itk()
    here, there = as_image(sitk, fixed, grid), as_image(sitk, moving, grid)
    found = _demons(sitk, here, there) if kind == "demons" else _bspline(sitk, here, there, grid)
    return np.ascontiguousarray(np.moveaxis(sitk.GetArrayFromImage(found), -1, 0), np.float32)


def _demons(sitk: Any, here: Any, there: Any) -> Any:
    """Coarse to fine; SimpleITK's own filter knows one level only."""
    field = None
    for level, steps in zip(_LEVELS, _DEMONS_STEPS, strict=True):
        fixed, moving = (_smaller(sitk, image, level) for image in (here, there))
        filter_ = sitk.DiffeomorphicDemonsRegistrationFilter()
        filter_.SetNumberOfThreads(1)
        filter_.SetNumberOfIterations(steps)
        filter_.SetSmoothDisplacementField(True)
        filter_.SetStandardDeviations(_DEMONS_SMOOTH)
        if field is None:
            field = filter_.Execute(fixed, moving)
        else:
            field = filter_.Execute(fixed, moving, sitk.Resample(field, fixed))
    return sitk.Resample(field, here)


def _bspline(sitk: Any, here: Any, there: Any, grid: Grid) -> Any:
    mesh = [
        max(2, round(n * s / _LATTICE_MM)) for n, s in zip(grid.shape, grid.spacing_mm, strict=True)
    ]
    lattice = sitk.BSplineTransformInitializer(here, mesh[::-1], order=3)
    method = _method(sitk, (4, 2))
    method.SetOptimizerAsLBFGSB(numberOfIterations=_BSPLINE_STEPS)
    method.SetInitialTransform(lattice, inPlace=True)
    _run(method, here, there)
    return sitk.TransformToDisplacementField(
        lattice, sitk.sitkVectorFloat64, here.GetSize(), here.GetOrigin(), here.GetSpacing(),
        here.GetDirection(),
    )  # fmt: skip


def _convex(fixed: Volume, moving: Volume, grid: Grid) -> Float[np.ndarray, "3 d h w"]:
    """On cubes as small as the grid's shortest step: its features know no thick slices."""
    import torch

    search = convex_adam()
    steps, shape = np.array(grid.spacing_mm), np.array(grid.shape)
    zoom = np.maximum(np.round(shape * steps / steps.min()), _CONVEX_LEAST) / shape
    seen = [ndimage.zoom(v, zoom, order=1, mode="nearest", grid_mode=True) for v in (fixed, moving)]
    # it fills a layer at random before it sets it, and calls torch in a way that torch warns of
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(action="ignore"):
        found = search(*seen, dtype=torch.float32, device=torch.device("cpu"))
    back = [
        ndimage.zoom(found[..., k], 1 / zoom, order=1, mode="nearest", grid_mode=True) / zoom[k]
        for k in range(3)
    ]
    field = np.einsum("ij,jdhw->idhw", grid.affine[:3, :3], np.stack(back))
    return np.asarray(field, np.float32)


def convex_adam() -> Any:
    """The library's search, or the sentence that names its extra."""
    with warnings.catch_warnings():  # its import silences all warnings for good
        try:
            from convexAdam.convex_adam_MIND import convex_adam_pt
        except ImportError as error:
            raise missing("convexAdam", "choose another way with --registration demons") from error
    return convex_adam_pt


def _method(sitk: Any, levels: tuple[int, ...]) -> Any:
    method = plain_method(sitk, levels)
    method.SetMetricAsMeanSquares()
    return method


def _run(method: Any, here: Any, there: Any) -> None:
    try:
        method.Execute(here, there)
    except RuntimeError as error:
        raise InvalidInputError(
            "`registration` found no overlap between two scans' lungs. Check that both show the "
            "chest of one patient, or take them as they lie with --registration none."
        ) from error


def _smaller(sitk: Any, image: Any, level: int) -> Any:
    if level == 1:
        return image
    smooth = sitk.SmoothingRecursiveGaussian(image, [level / 2 * s for s in image.GetSpacing()])
    return sitk.Shrink(smooth, [level] * 3)
