"""Cut a region to a side of the patient and a place, as a report words them."""

import numpy as np

from sequela.conditioning.regions.chest_zones import chest_weight, zones_in
from sequela.conditioning.regions.fundus_zones import fundus_weight
from sequela.conditioning.regions.provider import AutoRegion
from sequela.core import Region, Scan
from sequela.core.checks import check_choice

SIDES = ("left", "right", "both")
_LEFT_OVER = 0.02  # a cut that leaves less of the region than this share is not made


def restrict(
    region: Region,
    scan: Scan,
    domain: str = "chest",
    *,
    side: str | None = None,
    place: str = "",
) -> AutoRegion:
    """The part of a region on one side and at one place.

    A cut that would leave next to nothing is not made, and words that are not known cut nothing;
    the notice then says so.

    Args:
        region: On the scan's grid.
        scan: The image it lies on; the lungs or the landmarks of the retina are found on it.
        domain: `chest` knows sides, zones and the like; `fundus` knows macula, disc, quadrants and
            periphery, and takes a side for the eye; `skin` takes both for places on the body.
        side: The patient's `left`, `right` or `both`; None is both. On a chest film the patient's
            right is on the image's left.
        place: In the report's words, such as `lower lobe`.

    Raises:
        GeometryMismatchError: The region lies on another grid.
        UnknownNameError: No such side or domain.
    """
    region.check_grid(scan.space)
    check_choice("domain", domain, ("chest", "fundus", "skin"))
    if side is not None:
        check_choice("side", side, SIDES)
    if domain == "skin":
        return AutoRegion(region=region)
    if domain == "fundus":
        weight, words = fundus_weight(scan, place) if place else None, place
        unknown = place if weight is None else ""
    else:
        zones, unknown = zones_in(place)
        weight = chest_weight(scan, side, zones)
        words = " ".join(word for word in (side, place) if word)
    notice = _unknown(unknown) if unknown else None
    if weight is None:
        return AutoRegion(region=region, notice=notice)
    cut = np.asarray(region.array * weight, dtype=np.float32)
    if cut.sum() < _LEFT_OVER * region.array.sum():
        return AutoRegion(region=region, notice=_nothing_left(region, words))
    return AutoRegion(region=Region(array=cut, origin=f"{region.origin}, {words}"), notice=notice)


def _unknown(words: str) -> str:
    return (
        f"Where {words!r} lies is not known on this image, so the region was not cut to it. "
        "Draw the region and give its file to have it so."
    )


def _nothing_left(region: Region, words: str) -> str:
    return (
        f"Next to nothing of the region ({region.origin}) lies at {words!r}, so it was not cut to "
        "that. Draw the region and give its file to have it so."
    )
