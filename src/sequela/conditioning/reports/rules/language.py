"""Language: a cheap test whether a report is in English, by its smallest words."""

import re
import unicodedata

from sequela.core import InvalidInputError

_SMALL_WORDS = {
    "English": "the a an of and is are in on with without there was were has have to for not be "
    "by at as from this that which it seen shows no or but either both evidence",
    "German": "der die das und ist sind ein eine eines einer kein keine keinen nicht mit ohne im "
    "des dem den von zu auf bei links rechts beidseits nachweis",
    "French": "le la les des du de et est sont un une pas sans avec au aux dans sur gauche droite "
    "droit il",
    "Spanish": "el la los las de del y es son un una se con sin en derecho izquierdo derecha "
    "izquierda están al",
    "Italian": "il lo la gli le di del della e è un una non con senza in si destra sinistra dei",
    "Portuguese": "de da e é um uma não com sem em na ao direita esquerda dos",
    "Dutch": "de het een en van is zijn geen met zonder in op links rechts niet",
}
_SETS = {language: set(words.split()) for language, words in _SMALL_WORDS.items()}


def check_english(text: str) -> None:
    """Refuse a report in another language.

    Raises:
        InvalidInputError: Most letters are not Latin, or most small words are not English.
    """
    letters = [c for c in text if c.isalpha()]
    latin = sum(unicodedata.name(c, "").startswith("LATIN") for c in letters)
    if latin < 0.7 * len(letters):
        raise InvalidInputError(_sentence("another script"))
    tokens = re.findall(r"[^\W\d_]+", text.lower())
    counts = {name: sum(t in words for t in tokens) for name, words in _SETS.items()}
    best = max(counts, key=lambda name: counts[name])  # English is first, so it wins ties
    if counts[best] >= 2 and counts[best] > counts["English"]:
        raise InvalidInputError(_sentence(best))


def _sentence(found: str) -> str:
    return (
        f"`report` must be in English, got what looks like {found}. Translate it first, or name "
        "what to simulate with --finding."
    )
