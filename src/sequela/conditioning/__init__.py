"""What a simulation is told: findings, prompts, regions."""

from sequela.conditioning.placing import place_region
from sequela.conditioning.regions import AutoRegion, auto_region
from sequela.conditioning.vocabulary import (
    CHEST,
    FUNDUS,
    SKIN,
    VOCABULARIES,
    Vocabulary,
    vocabulary_of,
)

__all__ = [
    "CHEST",
    "FUNDUS",
    "SKIN",
    "VOCABULARIES",
    "AutoRegion",
    "Vocabulary",
    "auto_region",
    "place_region",
    "vocabulary_of",
]
