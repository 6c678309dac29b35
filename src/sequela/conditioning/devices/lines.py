"""Thin bright lines, such as wires: how much whiter than both their sides, at the best direction.

An edge has one darker side, a line two; so the brighter side is what a line is held against. Means
along the line make a faint wire stand out from noise and from short stretches of vessels.
"""

import numpy as np
from jaxtyping import Float
from scipy import fft

Film = Float[np.ndarray, "height width"]
_DIRECTIONS = 16
_ALONG = 7.0  # px, standard deviation of the mean along a line
_ACROSS = 0.9  # px, and across it
_SIDE = 4.5  # px from a line's middle to where its sides are looked at
_FLOOR = 0.15  # share of white left at least: a burnt-out film has no contrast to divide by


def line_contrast(film: Film) -> Film:
    """Share of the way to white that the best line through each pixel takes the film.

    Args:
        film: Grey in [0, 1], its longer side about 512 px.
    """
    best = np.zeros(film.shape, np.float32)
    margin = 4 * int(_ALONG)
    padded = np.pad(film, margin, mode="edge")
    spectrum = fft.rfft2(padded)
    down = fft.fftfreq(padded.shape[0])[:, None].astype(np.float32)
    across = fft.rfftfreq(padded.shape[1])[None].astype(np.float32)
    inner = (slice(margin, -margin), slice(margin, -margin))
    for angle in np.arange(_DIRECTIONS) * np.pi / _DIRECTIONS:
        along = np.cos(angle) * across + np.sin(angle) * down
        beside = np.cos(angle) * down - np.sin(angle) * across
        smooth = spectrum * np.exp(
            -2 * np.pi**2 * ((_ALONG * along) ** 2 + (_ACROSS * beside) ** 2)
        )
        shift = np.exp(2j * np.pi * _SIDE * beside).astype(np.complex64)
        middle, one, other = (
            fft.irfft2(values, padded.shape)[inner]
            for values in (smooth, smooth * shift, smooth * shift.conj())
        )
        side = np.maximum(one, other)
        best = np.maximum(best, (middle - side) / np.maximum(1 - side, _FLOOR))
    return np.asarray(best, np.float32)
