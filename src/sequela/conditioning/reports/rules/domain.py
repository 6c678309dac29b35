"""Domain: which kind of image a report is about, by its words."""

from sequela.conditioning.reports.rules.chest import CHEST_LEXICON
from sequela.conditioning.reports.rules.fundus import FUNDUS_LEXICON
from sequela.conditioning.reports.rules.lexicon import (
    DEVICE,
    FINDING,
    SIGN,
    Lexicon,
    any_of,
)
from sequela.conditioning.reports.rules.skin import SKIN_LEXICON
from sequela.conditioning.reports.rules.spelling import corrected
from sequela.conditioning.reports.rules.text import sentences
from sequela.conditioning.vocabulary import vocabulary_of
from sequela.core import InvalidInputError

LEXICONS = {lexicon.domain: lexicon for lexicon in (CHEST_LEXICON, FUNDUS_LEXICON, SKIN_LEXICON)}
_MODALITY = 2  # a word for the image tells more than a finding: skin has nodules, too


def domain_of(text: str, domain: str | None) -> str:
    """The domain of a report; `domain`, where given, must agree with it.

    Raises:
        InvalidInputError: The report is about another domain, or about none that is known.
        UnknownNameError: No such domain.
    """
    told = [corrected(sentence.plain) for sentence in sentences(text, all_sections=True)]
    scores = {
        name: sum(_score(words, lexicon) for words in told) for name, lexicon in LEXICONS.items()
    }
    second, best = sorted(scores, key=lambda name: scores[name])[1:]
    if domain is None:
        if 2 * scores[second] >= scores[best]:
            raise InvalidInputError(
                "`report` must tell which image it is about: no single domain (chest, fundus, "
                f"skin) fits {_start(text)!r}. Give the domain and the report of one image, in "
                "English, or name what to simulate with --finding."
            )
        return best
    title = vocabulary_of(domain).title
    if 2 * scores[domain] < scores[best]:
        raise InvalidInputError(
            f"`report` must be about {title} (domain {domain!r}), but {_start(text)!r} is about "
            f"{vocabulary_of(best).title} (domain {best!r}). Give the report of this image."
        )
    return domain


def _score(words: str, lexicon: Lexicon) -> int:
    kinds = [hit.kind for hit in lexicon.hits(words)]
    modality = len(any_of(lexicon.modality).findall(words))
    return _MODALITY * modality + sum(kind in (FINDING, SIGN, DEVICE) for kind in kinds)


def _start(text: str, length: int = 60) -> str:
    words = " ".join(text.split())
    return words if len(words) <= length else f"{words[:length].rstrip()}..."
