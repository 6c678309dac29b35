"""What a provider of regions is asked, and what it gives back; all have names in one registry."""

from dataclasses import dataclass
from typing import Protocol

from sequela.core import InvalidInputError, Region, Registry, Scan

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels, right and bottom open
Point = tuple[float, float]  # across, down in pixels


@dataclass(frozen=True, kw_only=True)
class RegionRequest:
    """What the region is for, and what the user points at.

    Attributes:
        domain: `chest`, `fundus` or `skin`.
        findings: Canonical names of what shall be simulated; a provider may narrow the region.
        boxes: Where to look; empty lets the provider decide.
        points: Pixels that belong to the region.
        model: Folder or hub id of a provider's weights, where it has any.
    """

    domain: str
    findings: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()
    points: tuple[Point, ...] = ()
    model: str | None = None

    def check(self, scan: Scan) -> None:
        """Refuse boxes and points that do not lie on the scan."""
        height, width = scan.space[0], scan.space[1]
        for box in self.boxes:
            left, top, right, bottom = box
            if not (0 <= left < right <= width and 0 <= top < bottom <= height):
                raise InvalidInputError(
                    f"`box` must lie on {scan.source.name} ({width}x{height} pixels) as left, top, "
                    f"right, bottom, got {box}. Count pixels from the upper left corner."
                )
        for across, down in self.points:
            if not (0 <= across < width and 0 <= down < height):
                raise InvalidInputError(
                    f"`point` must lie on {scan.source.name} ({width}x{height} pixels), got "
                    f"{(across, down)}. Count pixels across and down from the upper left corner."
                )


@dataclass(frozen=True, kw_only=True)
class AutoRegion:
    """A region that nobody drew.

    Attributes:
        region: Soft mask on the scan's grid.
        notice: One sentence when the region is not what was looked for, else None; it belongs into
            the run's record.
    """

    region: Region
    notice: str | None = None


class RegionProvider(Protocol):
    """Finds a region on a scan."""

    def __call__(self, scan: Scan, request: RegionRequest) -> AutoRegion:
        """The region, on the scan's grid; the request was checked against the scan."""
        ...


PROVIDERS: Registry[RegionProvider] = Registry("region")
