"""Regions that nobody drew: both lungs of a chest film, by contrast and by usual place."""

from sequela.conditioning.regions.auto import AutoRegion, auto_region

__all__ = ["AutoRegion", "auto_region"]
