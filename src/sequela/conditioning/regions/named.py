"""The providers that come with the package, by name."""

from collections.abc import Callable, Sequence

import numpy as np

from sequela.conditioning.regions.auto import auto_region, chest_region, fundus_region, skin_region
from sequela.conditioning.regions.provider import PROVIDERS, AutoRegion, RegionRequest
from sequela.core import InvalidInputError, Region, Scan

_OURS = "classical search, this project"


def auto(scan: Scan, request: RegionRequest) -> AutoRegion:
    """What the domain's own finder sees, cut to where the findings show."""
    found = auto_region(scan, request.domain, request.findings)
    return _in_boxes(found, request)


def segment_anything(scan: Scan, request: RegionRequest) -> AutoRegion:
    """What a Segment Anything model draws; loaded on first use, for it needs torch models."""
    from sequela.conditioning.regions.sam import segment_anything as draw

    return draw(scan, request)


class _Organ:
    """One domain's finder whatever the request's domain and findings."""

    def __init__(self, find: Callable[[Scan, Sequence[str]], AutoRegion]) -> None:
        self.find = find

    def __call__(self, scan: Scan, request: RegionRequest) -> AutoRegion:
        return _in_boxes(self.find(scan, ()), request)


def _in_boxes(found: AutoRegion, request: RegionRequest) -> AutoRegion:
    """What lies in the boxes; points are for providers that are shown an object."""
    if request.points:
        raise InvalidInputError(
            f"`point` is understood by the region sam alone, got {request.points[0]}. "
            "Give a box instead, or take --region sam."
        )
    if not request.boxes:
        return found
    kept = np.zeros_like(found.region.array)
    for left, top, right, bottom in request.boxes:
        rows, columns = slice(round(top), round(bottom)), slice(round(left), round(right))
        kept[rows, columns] = found.region.array[rows, columns]
    if not kept.any():
        raise InvalidInputError(
            f"`box` must hold a part of what {found.region.origin!r} found, got "
            f"{request.boxes[0]}. Move it, or draw the region and give its file."
        )
    region = Region(array=kept, origin=f"{found.region.origin}, in the box")
    return AutoRegion(region=region, notice=found.notice)


PROVIDERS.add("auto", auto, source=_OURS)
PROVIDERS.add("lungs", _Organ(chest_region), source=_OURS)
PROVIDERS.add("retina", _Organ(fundus_region), source=_OURS)
PROVIDERS.add("lesion", _Organ(skin_region), source=_OURS)
PROVIDERS.add("sam", segment_anything, source="Kirillov et al., Segment Anything, ICCV 2023")
