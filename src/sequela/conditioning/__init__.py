"""What a simulation is told: findings, prompts, regions."""

from sequela.conditioning.placing import place_region
from sequela.conditioning.regions import AutoRegion, auto_region
from sequela.conditioning.vocabulary import CHEST, NO_FINDING, Vocabulary

__all__ = ["CHEST", "NO_FINDING", "AutoRegion", "Vocabulary", "auto_region", "place_region"]
