"""Pure array functions: windows, resampling, blending, composition, regions."""

from sequela.imaging.compose import Composer, add_change, match_channels
from sequela.imaging.fit import Fit, channels_first, channels_last, resize, to_model_range
from sequela.imaging.region import effective_region, quantise

__all__ = [
    "Composer",
    "Fit",
    "add_change",
    "channels_first",
    "channels_last",
    "effective_region",
    "match_channels",
    "quantise",
    "resize",
    "to_model_range",
]
