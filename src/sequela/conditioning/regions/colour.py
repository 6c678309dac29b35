"""Small pictures in red, green and blue, and in CIELAB, where distances are what an eye sees."""

import numpy as np
from jaxtyping import Float

from sequela.core import InvalidInputError, Scan
from sequela.imaging.fit import channels_first, resize, to_model_range

_TINT_RESIDUE = 0.003  # what a colour that only follows brightness leaves, as in sepia
_GREY_SPREAD = 0.02  # mean of largest less least channel; JPEG's own stays below, colour above

# IEC 61966-2-1 (sRGB, D65) and CIE 15 (CIELAB).
_TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]],
    dtype=np.float32,
)
_WHITE = np.array([0.9505, 1.0, 1.089], dtype=np.float32)


def check_photograph(scan: Scan) -> None:
    """Refuse a volume."""
    if scan.is_volume:
        raise InvalidInputError(
            f"`region` auto needs a photograph, got a volume ({scan.source.name}). "
            "Draw the region and give its file, or take none for the whole image."
        )


def shown(scan: Scan, space: tuple[int, int]) -> Float[np.ndarray, "height width 3"]:
    """The image as it is shown, in [0, 1], on another grid; grey becomes three equal channels."""
    model = to_model_range(scan.array, scan.window)
    picture = np.clip((resize(channels_first(model), space) + 1) / 2, 0, 1)
    channels = picture if len(picture) == 3 else np.repeat(picture, 3, axis=0)
    return np.ascontiguousarray(np.moveaxis(channels, 0, -1), dtype=np.float32)


def fitting(scan: Scan, side: int) -> tuple[int, int]:
    """The scan's shape with `side` pixels along the longer side."""
    scale = side / max(scan.plane)
    return max(8, round(scan.plane[0] * scale)), max(8, round(scan.plane[1] * scale))


def is_grey(scan: Scan) -> bool:
    """Whether nothing but brightness is told, in however many channels and whatever the tint."""
    if not scan.is_colour:
        return True
    pixels = shown(scan, fitting(scan, 64)).reshape(-1, 3)
    if (pixels.max(-1) - pixels.min(-1)).mean() < _GREY_SPREAD:
        return True
    bright = pixels.mean(-1)
    # One filter over all, or one ink from black to white; skin with a lesion is neither.
    bends = (bright, bright * (1 - bright))
    offsets = (pixels * 0, np.repeat(bright[:, None], 3, axis=1))
    return any(
        _residue(pixels - offset, bend) < _TINT_RESIDUE
        for bend, offset in zip(bends, offsets, strict=True)
    )


def _residue(colours: Float[np.ndarray, "pixel 3"], curve: Float[np.ndarray, " pixel"]) -> float:
    """What a multiple of the curve leaves of each channel, the worst of three."""
    share = (colours * curve[:, None]).sum(0) / ((curve**2).sum() + 1e-8)
    return float(np.abs(colours - share * curve[:, None]).mean(0).max())


def to_lab(
    picture: Float[np.ndarray, "height width 3"],
) -> Float[np.ndarray, "height width 3"]:
    """Lightness (0 to 100), green to red, and blue to yellow of an sRGB picture in [0, 1]."""
    linear = np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4)
    share = (linear @ _TO_XYZ.T) / _WHITE
    root = np.where(share > 216 / 24389, np.cbrt(share), share * 841 / 108 + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1).astype(np.float32)


def otsu(values: Float[np.ndarray, " value"]) -> float:
    """The threshold that parts the values into the two most separate groups.

    Source: Otsu, "A threshold selection method from gray-level histograms", 1979.
    """
    counts, edges = np.histogram(values, 128)
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    total = np.cumsum(counts * middles)
    mean_below = total / np.maximum(below, 1)
    mean_above = (total[-1] - total) / np.maximum(above, 1)
    between = below * above * (mean_below - mean_above) ** 2.0
    return float(edges[1 + np.argmax(between)])
