"""A cheap test that an image is of the domain asked for; it speaks up only where that is clear.

Films tell brightness alone. Fundus photographs are an orange disc on black; in dermoscopies skin
reaches the corners, and where the dermoscope's black corners show, the skin is rather pink or
brown. Both numbers of the rule were read off the `train` splits.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from sequela.conditioning.regions.colour import fitting, is_grey, shown
from sequela.conditioning.regions.retina import lit_disc
from sequela.conditioning.vocabulary import VOCABULARIES
from sequela.core import Scan
from sequela.core.checks import check_choice

_SIDE = 96
_CORNER = 5  # px of `_SIDE`
_YELLOW = 0.12  # (green - blue) / red between skin and retina
_CLEAR = 0.98  # 1 of 3,705 `train` and `val` photographs is then taken for the other kind
_SCANNERS = {"ct": "a CT image", "mr": "an MR image"}
_WORDS = {"chest": "a chest X-ray", "fundus": "a fundus photograph", "skin": "a dermoscopy"}


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How much an image looks like each domain; the shares sum to 1.

    Attributes:
        chest: A grey film.
        fundus: A retina on black.
        skin: A dermoscopy.
    """

    chest: float
    fundus: float
    skin: float

    @property
    def ranking(self) -> tuple[tuple[str, float], ...]:
        """Domains and shares, the likeliest first."""
        shares = {"chest": self.chest, "fundus": self.fundus, "skin": self.skin}
        return tuple(sorted(shares.items(), key=lambda item: -item[1]))


def looks_like(scan: Scan) -> Likeness:
    """How much a two-dimensional image looks like each domain.

    It knows no other domain: a photograph of a dog looks like a dermoscopy.
    """
    picture = shown(scan, fitting(scan, _SIDE))
    disc = lit_disc(picture)
    corners = _dark_corners(disc.mask)
    if is_grey(scan):
        # Angiographies and red-free photographs are grey too, but round on black.
        round_on_black = corners == 4 and disc.roundness > 0.93
        return Likeness(chest=0.5, fundus=0.5, skin=0) if round_on_black else _FILM
    red, green, blue = np.median(picture[disc.mask], axis=0)
    yellow = (green - blue) / (red + 1e-3)
    # A dark retina has no hue to speak of; its black corners then keep it from being skin.
    hue = max(float(yellow) - _YELLOW, -0.1)
    share = float(1 / (1 + np.exp(-2 * (corners - 2) - 40 * hue)))
    return Likeness(chest=0, fundus=share, skin=1 - share)


_FILM = Likeness(chest=1, fundus=0, skin=0)


def check_domain(scan: Scan, domain: str) -> str | None:
    """What the image looks like instead, as a notice; None where it may well be of the domain.

    Args:
        scan: The image; volumes are never doubted.
        domain: `chest`, `fundus` or `skin`.

    Raises:
        UnknownNameError: No such domain.
    """
    check_choice("domain", domain, VOCABULARIES)
    if scan.is_volume:
        return None
    likely, share = looks_like(scan).ranking[0]
    seen = _SCANNERS.get(scan.modality) or _WORDS[likely]
    if scan.modality not in _SCANNERS and (likely == domain or not _clear(scan, domain, share)):
        return None
    return f"{scan.source.name} looks like {seen}, not like {_WORDS[domain]}."


def _clear(scan: Scan, domain: str, share: float) -> bool:
    """No film is in colour and no dermoscopy is grey; among photographs it takes a clear case."""
    return share >= _CLEAR or (domain == "chest" and not is_grey(scan))


def _dark_corners(lit: Bool[np.ndarray, "height width"]) -> int:
    size = _CORNER
    corners = (lit[:size, :size], lit[:size, -size:], lit[-size:, :size], lit[-size:, -size:])
    return sum(bool(corner.mean() < 0.5) for corner in corners)
