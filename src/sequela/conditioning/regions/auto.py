"""The region nobody drew: what each domain's own finder sees, cut to where a finding shows."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from sequela.conditioning.regions.chest import find_lungs
from sequela.conditioning.regions.chest_areas import CHEST_AREAS, WHOLE_LUNGS, draw_area
from sequela.conditioning.regions.fundus import Spot, find_fundus
from sequela.conditioning.regions.lesion import find_lesion
from sequela.conditioning.regions.parts import depth, grown, ramp, soft
from sequela.conditioning.regions.photo_areas import FUNDUS_AREAS, LESION, RETINA, SKIN_AREAS
from sequela.conditioning.regions.provider import AutoRegion
from sequela.core import Region, Scan
from sequela.core.checks import check_choice
from sequela.imaging.fit import resize

_DISC_MARGIN = 1.25  # of the disc's radius is left out with it
_RETINA_EDGE = 0.03  # of the photograph's height: what the retina fades over at its border

Small = Float[np.ndarray, "height width"]


def auto_region(scan: Scan, domain: str = "chest", findings: Sequence[str] = ()) -> AutoRegion:
    """Where the findings usually show on this scan, as a soft mask.

    For images on which nobody has drawn. Where what was found is not plausible, the usual place is
    given instead, and the notice says so.

    Args:
        scan: A frontal chest film, upright, lungs darker than the body; a fundus photograph; or a
            dermoscopy.
        domain: `chest`, `fundus` or `skin`.
        findings: Canonical names; several give the union of their areas, none the whole organ.

    Raises:
        InvalidInputError: The scan is a volume, or a colour picture where a film is needed.
        UnknownNameError: Nobody knows how to find a region in that domain.
    """
    check_choice("domain", domain, FINDERS)
    return FINDERS[domain](scan, findings)


def chest_region(scan: Scan, findings: Sequence[str] = ()) -> AutoRegion:
    """The lungs, or the parts of the chest where the findings show."""
    lungs = find_lungs(scan)
    areas = {CHEST_AREAS.get(name, WHOLE_LUNGS) for name in findings} or {WHOLE_LUNGS}
    parts = [soft(lung) for lung in lungs.masks] if WHOLE_LUNGS in areas else []
    parts += [soft(draw_area(area, lungs)) for area in areas if area is not WHOLE_LUNGS]
    organ = _named("lungs", findings, CHEST_AREAS)
    if lungs.doubt is None:
        return AutoRegion(region=_placed(parts, scan, f"auto: {organ}"))
    notice = (
        f"The lungs were not found reliably on {scan.source.name} ({lungs.doubt}), so the region "
        "is where lungs usually lie. Check it, or draw the region and give its file."
    )
    usual = f"auto: usual place of the {organ}"
    return AutoRegion(region=_placed(parts, scan, usual), notice=notice)


def fundus_region(scan: Scan, findings: Sequence[str] = ()) -> AutoRegion:
    """The retina, without the optic disc unless a finding grows on it."""
    fundus = find_fundus(scan)
    areas = {FUNDUS_AREAS.get(name, RETINA) for name in findings} or {RETINA}
    retina = ramp(depth(fundus.retina) / (_RETINA_EDGE * len(fundus.retina)))
    name = scan.source.name
    if fundus.doubt is not None:
        notice = (
            f"The retina was not found reliably on {name} ({fundus.doubt}), so all that is lit may "
            "change. Check it, or draw the region and give its file."
        )
        return AutoRegion(region=_placed([retina], scan, "auto: lit part"), notice=notice)
    if any(area.with_disc for area in areas):
        return AutoRegion(region=_placed([retina], scan, "auto: retina"))
    if fundus.disc is None:
        notice = (
            f"No optic disc was found on {name}, so the whole retina may change. "
            "Draw the region and give its file to keep the disc."
        )
        return AutoRegion(region=_placed([retina], scan, "auto: retina"), notice=notice)
    kept = 1 - soft(spot_mask(fundus.disc, _DISC_MARGIN, retina.shape, scan))
    return AutoRegion(region=_placed([retina * kept], scan, "auto: retina without the disc"))


def skin_region(scan: Scan, findings: Sequence[str] = ()) -> AutoRegion:
    """The lesion with a margin of skin."""
    lesion = find_lesion(scan)
    areas = {SKIN_AREAS.get(name, LESION) for name in findings} or {LESION}
    margin = max(area.margin for area in areas) * float(np.sqrt(lesion.mask.sum()))
    mask = soft(grown(lesion.mask, margin) & lesion.seen)
    if lesion.doubt is None:
        return AutoRegion(region=_placed([mask], scan, "auto: lesion"))
    notice = (
        f"The lesion was not found reliably on {scan.source.name} ({lesion.doubt}), so the region "
        "is the middle of the image. Check it, or draw the region and give its file."
    )
    return AutoRegion(region=_placed([mask], scan, "auto: middle of the image"), notice=notice)


def spot_mask(
    spot: Spot, share: float, space: tuple[int, ...], scan: Scan
) -> Bool[np.ndarray, "height width"]:
    """A round landmark of the scan on a small grid, its radius multiplied by `share`."""
    scale = space[0] / scan.plane[0]
    rows, columns = (np.indices(space).T + 0.5).T / scale - 0.5
    off = np.hypot(rows - spot.row, columns - spot.column)
    return np.asarray(off <= share * spot.radius)


def _named(organ: str, findings: Iterable[str], narrowed: Mapping[str, object]) -> str:
    """The organ, and which findings have a place of their own."""
    names = sorted({name for name in findings if name in narrowed})
    return f"{organ} ({', '.join(names)})" if names else organ


def _placed(parts: Sequence[Small], scan: Scan, origin: str) -> Region:
    """The union of small soft masks on the scan's own grid."""
    full = resize(np.maximum.reduce(parts)[None], scan.plane)[0]
    # Bicubic ringing would let everything change a little.
    return Region(array=np.where(full < 0.005, 0, np.clip(full, 0, 1)), origin=origin)


FINDERS: dict[str, Callable[[Scan, Sequence[str]], AutoRegion]] = {
    "chest": chest_region,
    "fundus": fundus_region,
    "skin": skin_region,
}
