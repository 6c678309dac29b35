"""Regions that nobody drew: the lungs, the retina, the lesion; by contrast and by usual place."""

from sequela.conditioning.regions.auto import auto_region
from sequela.conditioning.regions.finish import finish
from sequela.conditioning.regions.fundus import Fundus, Spot, find_fundus
from sequela.conditioning.regions.named import auto
from sequela.conditioning.regions.provider import (
    PROVIDERS,
    AutoRegion,
    Box,
    Point,
    RegionProvider,
    RegionRequest,
)
from sequela.conditioning.regions.quality import quality
from sequela.conditioning.regions.restrict import restrict

__all__ = [
    "PROVIDERS",
    "AutoRegion",
    "Box",
    "Fundus",
    "Point",
    "RegionProvider",
    "RegionRequest",
    "Spot",
    "auto",
    "auto_region",
    "find_fundus",
    "finish",
    "quality",
    "restrict",
]
