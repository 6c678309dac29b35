"""Bundled models and the cards that travel with weights."""

from sequela.checkpoints.bundled import (
    BundledModel,
    bundled_models,
    domain_of,
    find_model,
    find_network,
    model_for,
    preset_of,
)
from sequela.checkpoints.classifiers import Classifier, load_classifier, save_classifier
from sequela.checkpoints.embedders import TrainedEmbedder, load_embedder, save_embedder
from sequela.checkpoints.pipeline import save_autoencoder, save_pipeline
from sequela.checkpoints.segmenters import TrainedSegmenter, load_segmenter, save_segmenter
from sequela.checkpoints.transitions import save_transition

__all__ = [
    "BundledModel",
    "Classifier",
    "TrainedEmbedder",
    "TrainedSegmenter",
    "bundled_models",
    "domain_of",
    "find_model",
    "find_network",
    "load_classifier",
    "load_embedder",
    "load_segmenter",
    "model_for",
    "preset_of",
    "save_autoencoder",
    "save_classifier",
    "save_embedder",
    "save_pipeline",
    "save_segmenter",
    "save_transition",
]
