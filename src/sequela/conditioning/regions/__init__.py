"""Regions that nobody drew: both lungs of a chest film, by contrast and by usual place."""

from sequela.conditioning.regions.auto import auto_region
from sequela.conditioning.regions.provider import PROVIDERS, AutoRegion, RegionRequest

__all__ = ["PROVIDERS", "AutoRegion", "RegionRequest", "auto_region"]
