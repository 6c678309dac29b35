"""The search for a registration of two films with SimpleITK: plain arrays in and out."""

from typing import Any

import numpy as np
from jaxtyping import Float

from sequela.core import InvalidInputError
from sequela.imaging.fit import resize
from sequela.imaging.itk import plain_method, simple_itk

Picture = Float[np.ndarray, "height width"]
Matrix = Float[np.ndarray, "2 3"]
Field = Float[np.ndarray, "2 height width"]

_SIDE = 256  # pixels of the longer side at which a registration is searched for
_BLACK = -0.98  # values up to it are the rim of a film
_BINS = 32  # of the joint histogram
_MESH = 6  # cells of the field's lattice along a side


def search(fixed: Picture, moving: Picture, kind: str) -> tuple[Matrix, Field | None]:
    """The matrix and, for `deformable`, the field that lay `moving` on `fixed`, on the full grids.

    Args:
        fixed: In [-1, 1].
        moving: In [-1, 1], of any size.
        kind: `rigid`, `similarity`, `affine` or `deformable`.

    Raises:
        InvalidInputError: No overlap was found.
        MissingExtraError: SimpleITK is not installed.
    """
    sitk = simple_itk()
    here, there = _image(sitk, fixed), _image(sitk, moving)
    centred = sitk.CenteredTransformInitializer(
        here, there, _linear(sitk, kind), sitk.CenteredTransformInitializerFilter.GEOMETRY
    )
    found = _optimised(sitk, here, there, centred, levels=(4, 2, 1))
    matrix = _matrix_of(found, fixed.shape, moving.shape)
    if kind != "deformable":
        return matrix, None
    lattice = sitk.BSplineTransformInitializer(here, [_MESH, _MESH], order=3)
    bent = _optimised(sitk, here, there, lattice, levels=(4, 2), before=found)
    return matrix, _field_of(sitk, bent, here, fixed.shape, moving.shape)


def _optimised(
    sitk: Any, here: Any, there: Any, start: Any, *, levels: tuple[int, ...], before: Any = None
) -> Any:
    method = plain_method(sitk, levels)
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricFixedMask(_patient(here))
    method.SetMetricMovingMask(_patient(there))
    if before is None:
        method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, 200, relaxationFactor=0.6)
        method.SetOptimizerScalesFromPhysicalShift()
    else:
        method.SetMovingInitialTransform(before)
        method.SetOptimizerAsLBFGSB(numberOfIterations=40)
    method.SetInitialTransform(start, inPlace=False)
    try:
        return method.Execute(here, there)
    except RuntimeError as error:
        raise InvalidInputError(
            "`registration` found no overlap between the two pictures. Check that both show the "
            "same view of one patient, or take them as they lie with --registration none."
        ) from error


def _image(sitk: Any, picture: Picture) -> Any:
    """The picture at search size, in units of its longer side = `_SIDE`, centred on 0."""
    height, width = picture.shape
    scale = _SIDE / max(height, width)
    space = (max(16, round(height * scale)), max(16, round(width * scale)))
    small = resize(picture[None], space)[0] if scale < 1 else picture
    image = sitk.GetImageFromArray(np.ascontiguousarray(small, dtype=np.float32))
    spacing = (width * scale / small.shape[1], height * scale / small.shape[0])
    image.SetSpacing(spacing)
    image.SetOrigin([-(n - 1) / 2 * s for n, s in zip(small.shape[::-1], spacing, strict=True)])
    return image


def _patient(image: Any) -> Any:
    """What is no black rim: a frame around a film is no anatomy to be matched."""
    return image > _BLACK


def _linear(sitk: Any, kind: str) -> Any:
    if kind == "rigid":
        return sitk.Euler2DTransform()
    return sitk.Similarity2DTransform() if kind == "similarity" else sitk.AffineTransform(2)


def _matrix_of(transform: Any, fixed: tuple[int, ...], moving: tuple[int, ...]) -> Matrix:
    """The linear transform from pixels to pixels, told by where it sends three points."""
    unit_here, unit_there = max(fixed) / _SIDE, max(moving) / _SIDE
    corners = np.array([(0, 0), (fixed[0] - 1, 0), (0, fixed[1] - 1)], float)
    middle, target = _middle(fixed), _middle(moving)
    sent = [
        np.array(transform.TransformPoint(tuple(((c - middle) / unit_here)[::-1])))[::-1]
        for c in corners
    ]
    landed = np.stack(sent) * unit_there + target
    known = np.concatenate([corners, np.ones((3, 1))], axis=1)
    return np.asarray(np.linalg.solve(known, landed).T)


def _field_of(
    sitk: Any, bent: Any, here: Any, fixed: tuple[int, ...], moving: tuple[int, ...]
) -> Field:
    """What bending adds to the linear transform, in moving pixels."""
    drawn = sitk.TransformToDisplacementField(
        bent, sitk.sitkVectorFloat64, here.GetSize(), here.GetOrigin(), here.GetSpacing()
    )
    added = np.moveaxis(sitk.GetArrayFromImage(drawn), -1, 0)[::-1] * (max(moving) / _SIDE)
    return resize(np.ascontiguousarray(added, dtype=np.float32), (fixed[0], fixed[1]))


def _middle(space: tuple[int, ...]) -> Float[np.ndarray, "2"]:
    return np.array([(space[0] - 1) / 2, (space[1] - 1) / 2])
