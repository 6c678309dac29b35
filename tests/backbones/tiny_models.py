"""Whole models with random weights, a few hundred kilobytes each, in diffusers layout on disk."""

import json
from pathlib import Path
from typing import Any

import torch

WIDTH = 32  # of every text encoder
TOKENS = 16
_BLOCKS = {"block_out_channels": (16, 32), "norm_num_groups": 8, "layers_per_block": 1}
_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def tiny_sd(folder: Path, *, channels: int = 3, prediction: str = "epsilon") -> Path:
    """Stable Diffusion 1.x (2.x with `v_prediction`): 32 px images, 4 latents of 16 x 16."""
    from diffusers import PNDMScheduler

    torch.manual_seed(0)
    scheduler = PNDMScheduler(
        **_BETAS,
        skip_prk_steps=True,
        steps_offset=1,
        set_alpha_to_one=False,
        prediction_type=prediction,
    )
    parts = {
        "vae": tiny_vae(channels=channels),
        "unet": tiny_unet(),
        "text_encoder": _clip(),
        "tokenizer": tiny_tokenizer(),
        "scheduler": scheduler,
    }
    return _saved(folder, "StableDiffusionPipeline", parts)


def tiny_sdxl(folder: Path) -> Path:
    from diffusers import EulerDiscreteScheduler

    torch.manual_seed(1)
    unet = tiny_unet(
        cross_attention_dim=2 * WIDTH,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + WIDTH,
    )
    parts = {
        "vae": tiny_vae(),
        "unet": unet,
        "text_encoder": _clip(),
        "text_encoder_2": _clip(projected=True),
        "tokenizer": tiny_tokenizer(),
        "tokenizer_2": tiny_tokenizer(),
        "scheduler": EulerDiscreteScheduler(**_BETAS, steps_offset=1),
    }
    return _saved(folder, "StableDiffusionXLPipeline", parts, force_zeros_for_empty_prompt=True)


def tiny_sd3(folder: Path, *, with_t5: bool = False) -> Path:
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel

    torch.manual_seed(2)
    transformer = SD3Transformer2DModel(
        sample_size=16,
        patch_size=1,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=80,
        caption_projection_dim=32,
        pooled_projection_dim=2 * WIDTH,
        pos_embed_max_size=16,
    )
    parts = {
        "vae": tiny_vae(scaling_factor=1.5305, shift_factor=0.0609),
        "transformer": transformer,
        "text_encoder": _clip(projected=True),
        "text_encoder_2": _clip(projected=True),
        "tokenizer": tiny_tokenizer(),
        "tokenizer_2": tiny_tokenizer(),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0),
    }
    if with_t5:
        parts |= {"text_encoder_3": _t5(), "tokenizer_3": _words()}
    return _saved(folder, "StableDiffusion3Pipeline", parts)


def tiny_vae(*, channels: int = 3, scaling_factor: float = 0.18215, **more: Any) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        in_channels=channels,
        out_channels=channels,
        latent_channels=4,
        sample_size=32,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        scaling_factor=scaling_factor,
        **_BLOCKS,
        **more,
    )


def tiny_unet(*, cross_attention_dim: int = WIDTH, in_channels: int = 4, **more: Any) -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=16,
        in_channels=in_channels,
        out_channels=4,
        cross_attention_dim=cross_attention_dim,
        attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        **_BLOCKS,
        **more,
    )


def tiny_tokenizer() -> Any:
    """One token for each printable character, one for each that ends a word."""
    from transformers import CLIPTokenizer

    characters = [chr(code) for code in range(33, 127)]
    pieces = [*characters, *(c + "</w>" for c in characters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=TOKENS)


def _clip(*, projected: bool = False) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    tokenizer = tiny_tokenizer()
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        projection_dim=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def _t5() -> Any:
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(vocab_size=8, d_model=80, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    )


def _words() -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast

    words = {w: i for i, w in enumerate(("<pad>", "</s>", "<unk>", "large", "heart", "edema"))}
    tokenizer = Tokenizer(WordLevel(words, "<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def _saved(folder: Path, pipeline: str, parts: dict[str, Any], **settings: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    index: dict[str, Any] = {"_class_name": pipeline, **settings}
    for name, part in parts.items():
        part.save_pretrained(folder / name)
        index[name] = [type(part).__module__.split(".")[0], type(part).__name__]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))
    return folder
