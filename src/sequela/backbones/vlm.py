"""A vision-language model as identity judge: are these two images of the same patient, 1 or 0?

It sees a few solved pairs first, then one pair, and must answer in strict JSON. Nothing is sent
without `allow_sending`; `preview` shows every word and gives back every image that would be.

Images are written anew, so no name, date or other metadata of a file goes with them. What is
burned into the picture itself does: look at the preview, and cover it with `covered`.

Source of the idea: Liang et al., "PIE", arXiv:2309.11745, where GPT-4o judges the identity of the
first and the last state. The prompt is our own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from sequela.backbones.endpoint import Endpoint
from sequela.backbones.language_model import ask_json, request_body
from sequela.core.checks import check_count
from sequela.core.errors import GeometryMismatchError, InvalidInputError

Picture = UInt8[np.ndarray, "height width *channel"]

LARGEST_PX = 512  # the longer side of what is sent
_SMALLEST_PX = 32

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"same_patient": {"type": "integer", "enum": [0, 1]}},
    "required": ["same_patient"],
    "additionalProperties": False,
}
_SYSTEM = (
    "You compare two medical images of the same kind and judge whether they show the same patient. "
    "Disease may have appeared, grown or healed between them, and exposure, position and "
    "projection may differ. Judge by what disease leaves alone: the shape of bones, heart, "
    "vessels and skin, old scars and implants. "
    'Answer with one JSON object: {"same_patient": 1} for the same patient, '
    '{"same_patient": 0} for two patients. Answer nothing else.'
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """Two pictures, and for a solved example whether they are of one patient."""

    first: Picture
    second: Picture
    same: bool | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Preview:
    """What would be sent: the words, and the PNG files in their order."""

    words: str
    images: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class VisionJudge:
    """A vision-language model that says whether two images are of one patient.

    Attributes:
        endpoint: Whom to ask.
        examples: Solved pairs, both answers among them; the paper shows a few. Anyone's own: none
            come with the package.
    """

    endpoint: Endpoint
    examples: tuple[Pair, ...] = ()

    def __post_init__(self) -> None:
        answers = {pair.same for pair in self.examples}
        if self.examples and answers != {True, False}:
            raise InvalidInputError(
                f"`examples` must be solved pairs of both kinds, got the answers {answers}. "
                "One-sided examples teach one answer."
            )

    @property
    def name(self) -> str:
        """What belongs beside its figures."""
        return f"vlm: {self.endpoint.model}, {len(self.examples)} examples"

    def preview(self, pair: Pair) -> Preview:
        """Every word and every image that `same_patient` would send, and where to."""
        images = self._images(pair)
        body = request_body(self.endpoint, _SYSTEM, self._question(), SCHEMA, images)
        safe = "encrypted" if self.endpoint.encrypted else "NOT ENCRYPTED"
        words = (
            f"To: {self.endpoint.base_url} ({safe})\nModel: {body['model']}, temperature 0\n\n"
            f"--- system\n{_SYSTEM}\n\n--- user\n{self._question()}\n\n"
            f"--- {len(images)} PNG images without metadata follow"
        )
        return Preview(words=words, images=images)

    def same_patient(self, pair: Pair, *, allow_sending: bool) -> bool:
        """The model's answer for one pair.

        Args:
            pair: Two images, such as the first and the last state, or their region crops.
            allow_sending: True to send them there; False refuses.

        Raises:
            InvalidInputError: Sending is not allowed, or a picture is too small.
            EndpointError: The server fails, or answers anything but 0 or 1.
            MissingExtraError: The client is not installed.
        """
        images = self._images(pair)
        if not allow_sending:
            raise InvalidInputError(
                f"`allow_sending` must be True before images leave for {self.endpoint.host}, got "
                "False. Look at `preview` first, then set it; or take the embedding, offline."
            )
        answer = ask_json(self.endpoint, _SYSTEM, self._question(), SCHEMA, images=images)
        return bool(answer["same_patient"])

    def _images(self, pair: Pair) -> tuple[bytes, ...]:
        return tuple(png(x) for each in (*self.examples, pair) for x in (each.first, each.second))

    def _question(self) -> str:
        lines = [
            f"Images {2 * i + 1} and {2 * i + 2}: the answer is "
            f'{{"same_patient": {int(bool(pair.same))}}}.'
            for i, pair in enumerate(self.examples)
        ]
        last = 2 * len(self.examples)
        asked = f"Images {last + 1} and {last + 2}: the same patient?"
        return "\n".join([*lines, asked])


def share_same(judge: VisionJudge, pairs: Sequence[Pair], *, allow_sending: bool) -> float:
    """Share of pairs judged to be of one patient, the paper's identity score, [0, 1]."""
    check_count("pairs", len(pairs), hint="Give at least one pair.")
    return float(np.mean([judge.same_patient(p, allow_sending=allow_sending) for p in pairs]))


def covered(picture: Picture, mask: Bool[np.ndarray, "height width"]) -> Picture:
    """The picture with burned-in names or markers blackened."""
    if mask.shape != picture.shape[:2]:
        raise GeometryMismatchError(
            f"`mask` must lie on the picture's grid, {picture.shape[:2]}, got {mask.shape}."
        )
    shown = picture.copy()
    shown[mask] = 0
    return shown


def png(picture: Picture) -> bytes:
    """A PNG of the pixels alone, its longer side at most `LARGEST_PX`."""
    if min(picture.shape[:2]) < _SMALLEST_PX:
        raise InvalidInputError(
            f"`pair` must hold pictures of at least {_SMALLEST_PX} x {_SMALLEST_PX} pixels, got "
            f"{picture.shape[0]} x {picture.shape[1]}."
        )
    image = Image.fromarray(picture[..., 0] if picture.shape[2:] == (1,) else picture)
    image.thumbnail((LARGEST_PX, LARGEST_PX), Image.Resampling.LANCZOS)
    image.info = {}
    stream = BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
