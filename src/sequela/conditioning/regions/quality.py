"""Whether a region, whoever drew it, can be meant: one sentence where it hardly can."""

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from sequela.conditioning.regions.chest import as_film
from sequela.conditioning.regions.colour import fitting, is_grey, shown
from sequela.conditioning.regions.film import Film
from sequela.conditioning.regions.retina import lit_disc
from sequela.core import Region, Scan
from sequela.imaging.fit import resize

_SIDE = 256
_TINY, _NEARLY_ALL = 0.005, 0.95  # of the image
_FAINT = 0.25  # a region that never reaches this hardly allows any change
_OUTSIDE = 0.4  # of the region
_FRAGMENTS = 8  # parts
_SPECK = 0.005  # of the region; smaller parts do not count


def quality(region: Region, scan: Scan, domain: str = "chest") -> str | None:
    """Why a region may not be what was meant, as a notice; None where nothing speaks against it.

    Args:
        region: Given, found or segmented, on the scan's grid.
        scan: The image it lies on.
        domain: `chest`, `fundus` or `skin`: what counts as outside the image's content.

    Raises:
        GeometryMismatchError: The region lies on another grid.
    """
    region.check_grid(scan.space)
    if scan.is_volume:
        return None
    problem = _problem(region, scan, domain)
    if problem is None:
        return None
    return (
        f"The region ({region.origin}) {problem}. Check it on {scan.source.name}: only what it "
        "covers can change."
    )


def _problem(region: Region, scan: Scan, domain: str) -> str | None:
    return _amiss_in_size(region) or _amiss_in_place(region, scan, domain)


def _amiss_in_size(region: Region) -> str | None:
    peak = float(region.array.max(initial=0))
    share = float((region.array > peak / 2).mean())
    problems = {
        "is empty": peak == 0,
        f"is faint, at most {peak:.2f} of 1": peak < _FAINT,
        f"covers only {100 * share:.2g} % of the image": share < _TINY,
        f"covers nearly all of the image ({100 * share:.0f} %)": share > _NEARLY_ALL,
    }
    return next((problem for problem, holds in problems.items() if holds), None)


def _amiss_in_place(region: Region, scan: Scan, domain: str) -> str | None:
    space = fitting(scan, min(_SIDE, max(scan.plane)))
    mask = np.asarray(resize(region.array[None], space)[0] > region.array.max() / 2)
    if not mask.any():
        return "is thinner than can be told from noise"
    outside = float((mask & ~content(scan, domain, space)).sum() / mask.sum())
    if outside > _OUTSIDE:
        return f"lies outside {_CONTENTS[domain]} with {100 * outside:.0f} % of its area"
    parts = _parts(mask)
    return f"falls into {parts} parts" if parts > _FRAGMENTS else None


_CONTENTS = {"chest": "the exposed film", "fundus": "the retina", "skin": "the lit picture"}


def content(scan: Scan, domain: str, space: tuple[int, int]) -> Bool[np.ndarray, "height width"]:
    """Where the image shows the patient, on a small grid."""
    if domain == "chest" and is_grey(scan):
        exposed = Film.of(as_film(scan)).exposed
        return np.asarray(resize(exposed[None].astype(np.float32), space)[0] > 0.5)
    return lit_disc(shown(scan, space)).mask


def _parts(mask: Bool[np.ndarray, "height width"]) -> int:
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    return int((sizes >= _SPECK * mask.sum()).sum())
