"""Whole video pipelines with random weights, a few megabytes each, in diffusers layout on disk."""

from pathlib import Path
from typing import Any

import torch

from tests.backbones.tiny_models import _saved

TEXT = 16  # width of the text encoders


def tiny_wan(folder: Path, *, kind: str = "flf2v") -> Path:
    """`flf2v` as Wan 2.1 FLF2V, `i2v` as 2.1 I2V, `plain` as 2.2 A14B, `5b` as 2.2 5B."""
    from diffusers import UniPCMultistepScheduler, WanTransformer3DModel

    torch.manual_seed(0)
    sees = kind in ("flf2v", "i2v")
    sizes = {
        **_WAN_SIZES,
        "in_channels": 16 if kind == "5b" else 36,
        "image_dim": 16 if sees else None,
        "pos_embed_seq_len": 2 * 5 if kind == "flf2v" else None,
        "added_kv_proj_dim": 24 if sees else None,
    }
    parts = {
        **_wan_parts(),
        "transformer": WanTransformer3DModel(**sizes),
        "scheduler": UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
    }
    if sees:
        parts |= _image_encoder()
    settings: dict[str, Any] = {"expand_timesteps": True} if kind == "5b" else {}
    if kind == "plain":  # one network for the noisier half of the way, another for the rest
        parts["transformer_2"] = WanTransformer3DModel(**sizes)
        settings["boundary_ratio"] = 0.9
    return _saved(folder, "WanImageToVideoPipeline", parts, **settings)


def tiny_vace(folder: Path) -> Path:
    from diffusers import FlowMatchEulerDiscreteScheduler, WanVACETransformer3DModel

    torch.manual_seed(1)
    transformer = WanVACETransformer3DModel(**_WAN_SIZES, vace_layers=[0], vace_in_channels=96)
    parts = {
        **_wan_parts(),
        "transformer": transformer,
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0),
    }
    return _saved(folder, "WanVACEPipeline", parts)


def tiny_ltx(folder: Path) -> Path:
    from diffusers import (
        AutoencoderKLLTXVideo,
        FlowMatchEulerDiscreteScheduler,
        LTXVideoTransformer3DModel,
    )

    torch.manual_seed(2)
    vae = AutoencoderKLLTXVideo(
        latent_channels=8,
        block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1, 1),
    )
    transformer = LTXVideoTransformer3DModel(
        in_channels=8,
        out_channels=8,
        num_attention_heads=2,
        attention_head_dim=12,
        cross_attention_dim=24,
        num_layers=1,
        caption_channels=TEXT,
    )
    parts = {
        **_t5_parts(),
        "vae": vae,
        "transformer": transformer,
        "scheduler": FlowMatchEulerDiscreteScheduler(),
    }
    return _saved(folder, "LTXConditionPipeline", parts)


def tiny_cog(folder: Path, *, learned: bool = False) -> Path:
    """CogVideoX image to video; `learned` positions serve 9 frames of 16 x 32 pixels only."""
    from diffusers import (
        AutoencoderKLCogVideoX,
        CogVideoXDDIMScheduler,
        CogVideoXTransformer3DModel,
    )

    torch.manual_seed(3)
    vae = AutoencoderKLCogVideoX(
        block_out_channels=(8, 8, 8, 8),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
        sample_height=16,
        sample_width=32,
    )
    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=8,
        out_channels=4,
        time_embed_dim=8,
        text_embed_dim=TEXT,
        num_layers=1,
        sample_width=4,
        sample_height=2,
        sample_frames=9,
        use_rotary_positional_embeddings=True,
        use_learned_positional_embeddings=learned,
    )
    parts = {
        **_t5_parts(),
        "vae": vae,
        "transformer": transformer,
        "scheduler": CogVideoXDDIMScheduler(),
    }
    return _saved(folder, "CogVideoXImageToVideoPipeline", parts)


_WAN_SIZES: dict[str, Any] = {
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "text_dim": TEXT,
    "freq_dim": 16,
    "ffn_dim": 16,
    "num_layers": 1,
    "rope_max_seq_len": 32,
}


def _wan_parts() -> dict[str, Any]:
    from diffusers import AutoencoderKLWan
    from transformers import UMT5Config, UMT5EncoderModel

    sizes = {"vocab_size": 16, "d_model": TEXT, "d_kv": 8, "d_ff": 16}
    vae = AutoencoderKLWan(base_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1)
    vae.quant_conv.weight.data.mul_(3000)  # a random encoder hardly tells pictures apart
    return {
        "vae": vae,
        "text_encoder": UMT5EncoderModel(UMT5Config(**sizes, num_layers=1, num_heads=2)),
        "tokenizer": _words(),
    }


def _t5_parts() -> dict[str, Any]:
    from transformers import T5Config, T5EncoderModel

    sizes = {"vocab_size": 16, "d_model": TEXT, "d_kv": 8, "d_ff": 16}
    return {
        "text_encoder": T5EncoderModel(T5Config(**sizes, num_layers=1, num_heads=2)),
        "tokenizer": _words(),
    }


def _image_encoder() -> dict[str, Any]:
    from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModel

    config = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
    )
    side = {"shortest_edge": 32}
    return {
        "image_encoder": CLIPVisionModel(config),
        "image_processor": CLIPImageProcessorPil(size=side, crop_size={"height": 32, "width": 32}),
    }


def _words() -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast

    words = {w: i for i, w in enumerate(("<pad>", "</s>", "<unk>", "heart", "grows", "slowly"))}
    tokenizer = Tokenizer(WordLevel(words, "<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=128, **special)
