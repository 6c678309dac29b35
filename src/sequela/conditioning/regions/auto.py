"""Both lungs of a frontal chest film, found without a network and without a connection."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from sequela.conditioning.regions.film import Film
from sequela.conditioning.regions.lungs import MEDIAN, draw
from sequela.conditioning.regions.provider import AutoRegion
from sequela.conditioning.regions.refine import refine, soft
from sequela.conditioning.regions.search import contrast, search, unlikeliness
from sequela.core import InvalidInputError, Region, Scan
from sequela.core.checks import check_choice
from sequela.imaging.fit import resize

DOMAINS = ("chest",)
FOUND = "auto: lungs"
USUAL = "auto: usual place of the lungs"


def auto_region(scan: Scan, domain: str = "chest") -> AutoRegion:
    """The lungs of a frontal chest film as a soft mask, diseased parts included.

    For films whose lungs nobody has drawn. Where the finding is not plausible, the usual place of
    the lungs is given instead, and the notice says so. The region is a lung *field*: what lies
    behind the heart and the diaphragm is left out.

    Args:
        scan: Grey film, frontal and upright, lungs darker than the body.
        domain: Only `chest` has a provider yet.

    Raises:
        InvalidInputError: The scan is in colour or a volume.
        UnknownNameError: Nobody knows how to find a region in that domain.
    """
    check_choice("domain", domain, DOMAINS)
    if scan.is_colour or scan.is_volume:
        kind = "a colour image" if scan.is_colour else "a volume"
        raise InvalidInputError(
            f"`region` auto needs a grey two-dimensional film, got {kind} ({scan.source.name}). "
            "Draw the region and give its file, or take none for the whole image."
        )
    film = Film.of(scan)
    pair = search(film)
    lungs = np.stack([refine(film, o) for o in draw(pair, film.content, film.contrast.shape)])
    doubt = implausible(film, pair, lungs)
    if doubt is None:
        return AutoRegion(region=_region(lungs, scan, FOUND))
    usual = draw(MEDIAN, film.content, film.contrast.shape)
    notice = (
        f"The lungs were not found reliably on {scan.source.name} ({doubt}), so the region is "
        "where lungs usually lie. Check it, or draw the region and give its file."
    )
    return AutoRegion(region=_region(usual, scan, USUAL), notice=notice)


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


def _region(lungs: Bool[np.ndarray, "2 height width"], scan: Scan, origin: str) -> Region:
    small = np.maximum(soft(lungs[0]), soft(lungs[1]))
    full = resize(small[None], (scan.space[0], scan.space[1]))[0]
    return Region(array=np.clip(full, 0, 1), origin=origin)
