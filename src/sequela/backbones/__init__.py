"""Doors to diffusers: Stable Diffusion 1.x, 2.x, XL and 3 behind one protocol, loaded strictly.

Nothing heavy is imported before a model is loaded.
"""

from sequela.backbones.endpoint import Endpoint
from sequela.backbones.load import load_backbone

__all__ = ["Endpoint", "load_backbone"]
