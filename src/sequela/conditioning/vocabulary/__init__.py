"""Vocabularies: what can be asked for in each domain, and the prompts that ask for it."""

from sequela.conditioning.vocabulary.domains import (
    CHEST,
    FUNDUS,
    SKIN,
    VOCABULARIES,
    vocabulary_of,
)
from sequela.conditioning.vocabulary.vocabulary import Vocabulary

__all__ = ["CHEST", "FUNDUS", "SKIN", "VOCABULARIES", "Vocabulary", "vocabulary_of"]
