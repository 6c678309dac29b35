"""Spelling: words one slip away from a word of the lexicon are taken for it."""

import re
from functools import lru_cache

_SHORTEST = 7  # below, one letter makes another word: mass and mask
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# What slips are looked for; the other words of the lexicon are too common to be guessed at.
_WORDS = re.findall(
    r"\w+",
    """
    atelectasis bilateral cardiac cardiomegaly consolidation consolidations costophrenic effusion
    effusions emphysema endotracheal fibrosis infiltrate infiltrates infiltration moderate opacity
    opacities pacemaker pleural pneumonia pneumothorax pneumothoraces pulmonary sternotomy
    thickening
    diabetic exudates hemorrhage hemorrhages microaneurysm microaneurysms neovascularization
    nonproliferative proliferative retinopathy
    asymmetric carcinoma dermatofibroma dermoscopy hemangioma keratosis melanocytic melanoma
    """,
)
# Real words that are one letter away from one of these.
_REAL = frozenset({"diabetics", "infiltrated", "moderated", "pleurae"})


def corrected(plain: str) -> str:
    """A plain sentence with slips of one letter in medical words put right."""
    slips = _slips()
    return re.sub(
        rf"[a-z]{{{_SHORTEST},}}", lambda match: slips.get(match.group(), match.group()), plain
    )


@lru_cache(maxsize=1)
def _slips() -> dict[str, str]:
    """Every slip of one letter, to the word it came from."""
    right = _REAL.union(_WORDS)
    return {slip: word for word in _WORDS for slip in _one_slip(word) if slip not in right}


def _one_slip(word: str) -> set[str]:
    """The word with a letter left out, added, replaced or swapped; the first is rarely wrong."""
    cuts = [(word[:i], word[i:]) for i in range(1, len(word))]
    left_out = {a + b[1:] for a, b in cuts}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    replaced = {a + c + b[1:] for a, b in cuts for c in _LETTERS}
    added = {a + c + b for a, b in cuts for c in _LETTERS}
    return left_out | swapped | replaced | added
