"""Both lungs of a frontal chest film, found without a network and without a connection."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float

from sequela.conditioning.regions.colour import is_grey, shown
from sequela.conditioning.regions.film import Film
from sequela.conditioning.regions.lungs import MEDIAN, draw
from sequela.conditioning.regions.refine import refine
from sequela.conditioning.regions.search import contrast, search, unlikeliness
from sequela.core import InvalidInputError, Scan, Window


@dataclass(frozen=True, kw_only=True, eq=False)
class Lungs:
    """Where the lungs of a film lie, on the small grid it was searched on.

    Attributes:
        film: What was looked at.
        pair: The nine numbers of the pair; its boxes give the places of everything else.
        masks: The patient's right lung, which is on the left of the image, then the left one.
        doubt: Why they are the usual place and not what was found, in a few words, or None.
    """

    film: Film
    pair: Float[np.ndarray, "9"]
    masks: Bool[np.ndarray, "2 height width"]
    doubt: str | None


@lru_cache(maxsize=2)  # every finding of a request asks again
def find_lungs(scan: Scan) -> Lungs:
    """The lungs, diseased parts included; where they are not plausible, their usual place.

    A lung is a lung *field*: what lies behind the heart and the diaphragm is left out.

    Raises:
        InvalidInputError: The scan is a colour picture or a volume.
    """
    film = Film.of(as_film(scan))
    pair = search(film)
    masks = np.stack([refine(film, o) for o in draw(pair, film.content, film.contrast.shape)])
    doubt = implausible(film, pair, masks)
    if doubt is not None:
        pair = MEDIAN
        masks = draw(pair, film.content, film.contrast.shape)
    return Lungs(film=film, pair=pair, masks=masks, doubt=doubt)


def as_film(scan: Scan) -> Scan:
    """The scan itself, or its brightness where a film was saved in colour."""
    if not scan.is_colour and not scan.is_volume:
        return scan
    if scan.is_volume or not is_grey(scan):
        kind = "a volume" if scan.is_volume else "a colour image"
        raise InvalidInputError(
            f"`region` auto needs a grey two-dimensional film, got {kind} ({scan.source.name}). "
            "Draw the region and give its file, or take none for the whole image."
        )
    grey = shown(scan, scan.plane).mean(-1)
    return replace(scan, array=grey, window=Window(low=0, high=1, origin="dtype"))


def implausible(
    film: Film, pair: np.ndarray, lungs: Bool[np.ndarray, "2 height width"]
) -> str | None:
    """Why the lungs found are not to be trusted, in a few words; None where they are."""
    right, left = (float(lung.sum()) for lung in lungs)
    share = (right + left) / (film.content[2] * film.content[3])
    contrasts = contrast(film, pair[None])[0]
    negative = replace(film, contrast=-film.contrast)
    inverted = contrast(negative, search(negative)[None])[0]
    doubts = {
        "a bright pair stands out more than any dark one: is it inverted?": (
            inverted.mean() > 1.2 * contrasts.mean()
        ),
        "a lung is missing": min(right, left) == 0,
        "they hardly differ from what surrounds them": contrasts.mean() < 0.38,
        "one cannot be told from its surroundings": contrasts.min() < contrasts.max() / 3,
        "they are too small": share < 0.08,
        "they are too large": share > 0.5,
        "one is far larger than the other": max(right, left) > 2.5 * min(right, left),
        "their shape or place is unusual": unlikeliness(pair[None])[0] > 1.8,
    }
    return next((doubt for doubt, found in doubts.items() if found), None)
