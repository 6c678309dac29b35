"""SimpleITK as every registration here uses it.

Nothing is drawn by chance and one thread does the work, so that the same scans give the same bits.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from sequela.core import MissingExtraError
from sequela.imaging.grid import Grid

Volume = Float[np.ndarray, "d h w"]


def simple_itk() -> Any:
    """The library, or the sentence that names its extra."""
    try:
        import SimpleITK
    except ImportError as error:
        raise missing("SimpleITK", "take the scans as they lie with --registration none") from error
    return SimpleITK


def missing(library: str, otherwise: str) -> MissingExtraError:
    """The sentence that names the extra, and what to do without it."""
    return MissingExtraError(
        f"`registration` needs {library}, which is not installed. Install it with "
        f"`pip install 'sequela[registration]'`, or {otherwise}."
    )


def plain_method(sitk: Any, levels: tuple[int, ...]) -> Any:
    """A registration, coarse to fine, still without metric, optimiser and transform.

    Args:
        sitk: From `simple_itk`.
        levels: How much images are shrunk on each level.
    """
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # the order of sums changes the last bits
    method.SetNumberOfWorkUnits(1)
    method.SetMetricSamplingStrategy(method.NONE)  # every voxel: nothing is drawn by chance
    method.SetInterpolator(sitk.sitkLinear)
    method.SetShrinkFactorsPerLevel(list(levels))
    method.SetSmoothingSigmasPerLevel([level / 2 for level in levels])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    return method


def as_image(sitk: Any, volume: Volume, grid: Grid) -> Any:
    """The array with its place; SimpleITK counts x, y, z where arrays count d, h, w."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume, np.float32))
    steps = grid.affine[:3, 2::-1]
    spacing = np.linalg.norm(steps, axis=0)
    image.SetSpacing([float(s) for s in spacing])
    image.SetOrigin([float(v) for v in grid.affine[:3, 3]])
    image.SetDirection([float(v) for v in (steps / spacing).ravel()])
    return image
