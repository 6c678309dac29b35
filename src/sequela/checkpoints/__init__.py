"""Bundled models and the cards that travel with weights."""

from sequela.checkpoints.bundled import (
    BundledModel,
    bundled_models,
    domain_of,
    find_model,
    model_for,
)
from sequela.checkpoints.classifiers import Classifier, load_classifier, save_classifier
from sequela.checkpoints.pipeline import save_autoencoder, save_pipeline
from sequela.checkpoints.segmenters import TrainedSegmenter, load_segmenter, save_segmenter

__all__ = [
    "BundledModel",
    "Classifier",
    "TrainedSegmenter",
    "bundled_models",
    "domain_of",
    "find_model",
    "load_classifier",
    "load_segmenter",
    "model_for",
    "save_autoencoder",
    "save_classifier",
    "save_pipeline",
    "save_segmenter",
]
