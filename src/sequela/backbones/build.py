"""Small latent diffusion networks from scratch, in the shapes diffusers loads and saves."""

from collections.abc import Sequence
from typing import Any


def build_autoencoder(
    *,
    widths: Sequence[int],
    channels: int,
    latent_channels: int,
    layers_per_level: int,
    image_size: int,
) -> Any:
    """A KL autoencoder; every level but the last halves the side."""
    from diffusers import AutoencoderKL

    levels = len(widths)
    return AutoencoderKL(
        in_channels=channels,
        out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=tuple(widths),
        layers_per_block=layers_per_level,
        latent_channels=latent_channels,
        norm_num_groups=8,
        # attention over the whole image costs most where it helps a codec least
        mid_block_add_attention=False,
        sample_size=image_size,
    )


def build_unet(
    *,
    widths: Sequence[int],
    layers_per_level: int,
    heads: int,
    latent_channels: int,
    latent_size: int,
    text_width: int,
) -> Any:
    """A UNet that reads text on every level but the finest."""
    from diffusers import UNet2DConditionModel

    deep = len(widths) - 1
    return UNet2DConditionModel(
        sample_size=latent_size,
        in_channels=latent_channels,
        out_channels=latent_channels,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * deep),
        up_block_types=(*("CrossAttnUpBlock2D",) * deep, "UpBlock2D"),
        block_out_channels=tuple(widths),
        layers_per_block=layers_per_level,
        attention_head_dim=heads,  # diffusers' name for the number of heads
        cross_attention_dim=text_width,
        norm_num_groups=16,
    )


def build_text_encoder(*, tokenizer: Any, width: int, layers: int, length: int) -> Any:
    """A small CLIP text transformer for `tokenizer`."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=layers,
            num_attention_heads=4,
            max_position_embeddings=length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def build_tokenizer(words: Sequence[str], *, length: int) -> Any:
    """A CLIP tokenizer that reads `words` as one token each and everything else byte by byte.

    The merges are spelled out word by word, left to right: unlike a trained vocabulary they are the
    same on every run.
    """
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*letters, *(x + "</w>" for x in letters)])}
    merges: list[tuple[str, str]] = []
    # longest first: a rare long word keeps its chain where a short one shares letters with it
    for word in sorted({w.lower() for w in words}, key=lambda w: (-len(w), w)):
        parts = [*word[:-1], word[-1] + "</w>"]
        left = parts[0]
        for right in parts[1:]:
            if (left, right) not in merges:
                merges.append((left, right))
            left += right
            vocabulary.setdefault(left, len(vocabulary))
    for special in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[special] = len(vocabulary)
    make: Any = CLIPTokenizer  # its annotation of `merges` names neither of the forms it takes
    return make(vocab=vocabulary, merges=merges, model_max_length=length)
