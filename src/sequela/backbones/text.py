"""Text encoders: from prompts to the tokens and pooled vectors each family's denoiser reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from sequela.diffusion import TextEmbedding

# Tokens of the T5 encoder that Stable Diffusion 3 was published with, zeros in its place if absent.
_T5_TOKENS = 256


@runtime_checkable
class TextEncoders(Protocol):
    """All text encoders of one model."""

    def embed(self, texts: Sequence[str]) -> TextEmbedding:
        """Texts to what the denoiser of the same model reads, float32."""
        ...


@dataclass(frozen=True)
class Encoder:
    """One tokenizer and the network that reads its ids."""

    tokenizer: Any
    network: Any

    def tokenized(self, texts: Sequence[str], max_tokens: int) -> tuple[Any, tuple[str, ...]]:
        """Padded ids and mask on the network's device, and what of each text did not fit."""
        batch = self.tokenizer(
            list(texts),
            padding="max_length",
            max_length=max_tokens,
            truncation=True,
            return_attention_mask=True,
            return_tensors="pt",
        )
        rest = tuple(self._beyond(text, max_tokens) for text in texts)
        return batch.to(self.network.device), rest

    def _beyond(self, text: str, max_tokens: int) -> str:
        ids = self.tokenizer(text, verbose=False).input_ids
        if len(ids) <= max_tokens:
            return ""
        # The last kept place goes to the end token, so the text is cut one earlier.
        return str(self.tokenizer.decode(ids[max_tokens - 1 : -1])).strip()

    @property
    def max_tokens(self) -> int:
        """Places in the context; some tokenizers claim none, then the network's count."""
        places = int(self.network.config.max_position_embeddings)
        return min(int(self.tokenizer.model_max_length), places)


@dataclass(frozen=True)
class SingleClip:
    """One CLIP text encoder, its last layer: Stable Diffusion 1.x and 2.x."""

    clip: Encoder

    def embed(self, texts: Sequence[str]) -> TextEmbedding:
        """See `TextEncoders`."""
        batch, rest = self.clip.tokenized(texts, self.clip.max_tokens)
        masked = getattr(self.clip.network.config, "use_attention_mask", None)
        mask = batch.attention_mask if masked else None
        states = self.clip.network(batch.input_ids, attention_mask=mask).last_hidden_state
        return TextEmbedding(tokens=states.float(), extra={}, truncated=rest)


@dataclass(frozen=True)
class DoubleClip:
    """Two CLIP text encoders side by side: Stable Diffusion XL.

    Attributes:
        first: Gives tokens.
        second: Gives tokens and the pooled vector.
        zeros_for_empty: Whether the empty text stands for zeros, as the model was trained.
    """

    first: Encoder
    second: Encoder
    zeros_for_empty: bool

    def embed(self, texts: Sequence[str]) -> TextEmbedding:
        """See `TextEncoders`."""
        tokens, _, rest = _clip_layer(self.first, texts)
        more_tokens, pooled, _ = _clip_layer(self.second, texts)
        tokens = torch.cat([tokens, more_tokens], dim=-1)
        if self.zeros_for_empty:
            said = torch.tensor([float(bool(text)) for text in texts], device=tokens.device)
            tokens, pooled = tokens * said[:, None, None], pooled * said[:, None]
        return TextEmbedding(tokens=tokens, extra={"pooled": pooled}, truncated=rest)


@dataclass(frozen=True)
class TripleText:
    """Two CLIP text encoders and an optional T5, one after the other: Stable Diffusion 3.

    Attributes:
        first: Gives tokens and half of the pooled vector.
        second: The other half.
        third: T5, or None; zeros then stand in for it, as the model was trained to bear.
        width: Width of the tokens the denoiser reads; CLIP's are padded with zeros up to it.
    """

    first: Encoder
    second: Encoder
    third: Encoder | None
    width: int

    def embed(self, texts: Sequence[str]) -> TextEmbedding:
        """See `TextEncoders`."""
        tokens, pooled, rest = _clip_layer(self.first, texts)
        more_tokens, more_pooled, _ = _clip_layer(self.second, texts)
        clip = torch.cat([tokens, more_tokens], dim=-1)
        clip = torch.nn.functional.pad(clip, (0, self.width - clip.shape[-1]))
        if self.third is None:
            long = clip.new_zeros(len(texts), _T5_TOKENS, self.width)
        else:
            batch, rest = self.third.tokenized(texts, _T5_TOKENS)
            long = self.third.network(batch.input_ids).last_hidden_state.float()
        pooled = torch.cat([pooled, more_pooled], dim=-1)
        tokens = torch.cat([clip, long], dim=1)
        return TextEmbedding(tokens=tokens, extra={"pooled": pooled}, truncated=rest)


def _clip_layer(encoder: Encoder, texts: Sequence[str]) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """The layer before the last, which both later families read, and the first output (pooled)."""
    batch, rest = encoder.tokenized(texts, encoder.max_tokens)
    read = encoder.network(batch.input_ids, output_hidden_states=True)
    return read.hidden_states[-2].float(), read[0].float(), rest
