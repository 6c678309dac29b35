"""Bundled models and the cards that travel with weights."""

from sequela.checkpoints.bundled import DEFAULT_MODEL, BundledModel, bundled_models, find_model
from sequela.checkpoints.pipeline import save_autoencoder, save_pipeline

__all__ = [
    "DEFAULT_MODEL",
    "BundledModel",
    "bundled_models",
    "find_model",
    "save_autoencoder",
    "save_pipeline",
]
