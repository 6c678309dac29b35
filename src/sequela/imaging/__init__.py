"""Pure array functions: windows, resampling, blending, composition, regions."""

from sequela.imaging.compose import Composer, add_change, match_channels
from sequela.imaging.fit import Fit, channels_first, channels_last, resize, to_model_range
from sequela.imaging.flow import backward, carried, optical_flow, resize_flow
from sequela.imaging.morph import Morph
from sequela.imaging.region import effective_region, quantise

__all__ = [
    "Composer",
    "Fit",
    "Morph",
    "add_change",
    "backward",
    "carried",
    "channels_first",
    "channels_last",
    "effective_region",
    "match_channels",
    "optical_flow",
    "quantise",
    "resize",
    "resize_flow",
    "to_model_range",
]
