"""Drawn photographs whose truth is known: a retina with disc and fovea, a lesion on skin."""

import numpy as np
from scipy import ndimage

from sequela.core import Region, Scan, Source, Window


def photograph(array, name="photo.png", modality="photo"):
    """An array in [0, 1], `[H, W]` or `[H, W, 3]`, as a scan of 8 bits."""
    return Scan(
        array=np.round(np.clip(array, 0, 1) * 255).astype(np.uint8),
        modality=modality,
        window=Window(low=0, high=255, origin="dtype"),
        source=Source(name=name, sha256=""),
    )


def circle(size, row, column, radius):
    """Pixels in a circle; all in shares of the side."""
    rows, columns = (np.mgrid[:size, :size] + 0.5) / size
    return np.hypot(rows - row, columns - column) < radius


def soft_edge(mask, sigma=1.5):
    return ndimage.gaussian_filter(mask.astype(float), sigma)[..., None]


def grained(array, amount=0.01):
    return array + amount * np.random.default_rng(0).standard_normal(array.shape)


def retina(size=256, *, disc=(0.5, 0.72), fovea=(0.52, 0.42), row=0.5, column=0.5):
    """An orange disc on black, with a bright optic disc and a dark fovea."""
    picture = np.zeros((size, size, 3))
    lit = soft_edge(circle(size, row, column, 0.45))
    picture += lit * np.array([0.65, 0.35, 0.15])
    picture *= 1 - 0.4 * soft_edge(circle(size, *fovea, 0.05), size / 25)
    if disc is not None:
        picture += 0.35 * soft_edge(circle(size, *disc, 0.06))
        rows, columns = np.mgrid[:size, :size] / size
        vessel = np.abs(columns - disc[1] - 0.6 * (rows - disc[0]) ** 2) < 0.008
        picture *= 1 - 0.4 * soft_edge(vessel, 1)
    return grained(picture * (lit > 0.01), 0.005)


def skin(size=200, *, lesion=(0.5, 0.5, 0.2), colour=(0.45, 0.28, 0.22), hairs=0, dark=False):
    """Pink skin with a round lesion, hairs across, and a dermoscope's dark corners if asked."""
    picture = np.ones((size, size, 3)) * np.array([0.85, 0.68, 0.62])
    if lesion is not None:
        edge = soft_edge(circle(size, *lesion))
        picture = picture * (1 - edge) + edge * np.array(colour)
    rows, columns = np.mgrid[:size, :size]
    for number in range(hairs):
        line = np.abs(rows - columns * (0.3 + 0.2 * number) - 10 * number) < 1.5
        picture = picture * (1 - 0.7 * line[..., None])
    if dark:
        picture = picture * soft_edge(circle(size, 0.5, 0.5, 0.54))
    return grained(picture)


def region_of(mask, origin="drawn.png"):
    return Region(array=mask.astype(np.float32), origin=origin)


def dice(found, truth):
    found = found > 0.5
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())
