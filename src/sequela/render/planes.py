"""Three still planes of layered volumes, for pages where nothing can be drawn in 3-D."""

from typing import Protocol

import numpy as np
from jaxtyping import Float, Num, UInt8
from PIL import Image

from sequela.imaging.grid import Grid
from sequela.imaging.regrid import regrid
from sequela.render.colours import COLOUR_MAPS


class Shown(Protocol):
    """A volume with its colours; `render.viewer.Layer` is one."""

    @property
    def values(self) -> Num[np.ndarray, "depth height width"]:
        """The numbers."""

    @property
    def grid(self) -> Grid:
        """Where they lie."""

    @property
    def colours(self) -> str:
        """A name in `COLOUR_MAPS`."""

    @property
    def opacity(self) -> float:
        """Of the whole layer, 0 to 1."""

    def share(self, values: Num[np.ndarray, "*grid"]) -> Float[np.ndarray, "*grid"]:
        """Values as shares of the layer's scale."""


def three_planes(
    layers: tuple[Shown, ...], place: tuple[int, int, int], *, height: int = 260
) -> UInt8[np.ndarray, "height width 3"]:
    """Axial, coronal and sagittal plane side by side, the patient's left on the right.

    Args:
        layers: The lowest first; the others are brought to its grid.
        place: Voxel (d, h, w) of the lowest layer through which the planes go.
        height: Pixels of every plane.
    """
    base = layers[0]
    volumes = [layer.values if layer is base else _on(layer, base.grid) for layer in layers]
    pictures = []
    for axis in range(3):
        cuts = [np.take(v, place[axis], axis=axis) for v in volumes]
        picture = blended(layers, cuts)
        picture = picture if axis == 0 else picture[::-1]  # the head up
        spacing = [s for i, s in enumerate(base.grid.spacing_mm) if i != axis]
        pictures.append(_isotropic(picture, (spacing[0], spacing[1]), height))
    return np.concatenate(pictures, axis=1)


def blended(
    layers: tuple[Shown, ...], cuts: list[Num[np.ndarray, "down across"]]
) -> UInt8[np.ndarray, "down across 3"]:
    """One plane of every layer, each laid over those before."""
    picture = np.zeros((*cuts[0].shape, 3))
    for layer, cut in zip(layers, cuts, strict=True):
        colours = COLOUR_MAPS[layer.colours](layer.share(cut))
        opacity = colours[..., 3:] / 255 * layer.opacity
        picture = picture * (1 - opacity) + colours[..., :3] * opacity
    return np.asarray(np.rint(picture), np.uint8)


def _on(layer: Shown, grid: Grid) -> Float[np.ndarray, "depth height width"]:
    same = layer.grid.shape == grid.shape and np.allclose(layer.grid.affine, grid.affine, atol=1e-3)
    values = layer.values.astype(np.float32)
    return values if same else regrid(values, layer.grid, grid)


def _isotropic(
    picture: UInt8[np.ndarray, "down across 3"], spacing: tuple[float, float], height: int
) -> UInt8[np.ndarray, "height width 3"]:
    ratio = picture.shape[1] * spacing[1] / (picture.shape[0] * spacing[0])
    size = (max(1, round(height * ratio)), height)
    resized = Image.fromarray(np.ascontiguousarray(picture)).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(resized)
