"""Segment Anything models with random weights, a few kilobytes each, in the published layout."""

import json
from pathlib import Path
from typing import Any

import torch

SIDE = 64
_DECODER: dict[str, Any] = {
    "hidden_size": 16,
    "mlp_dim": 32,
    "num_attention_heads": 2,
    "iou_head_hidden_dim": 16,
}


def tiny_sam(folder: Path, *, seed: int = 0) -> Path:
    """SAM, which is MedSAM's layout too, with its real processor."""
    from transformers import SamConfig, SamImageProcessorPil, SamModel, SamProcessor

    config = SamConfig(
        vision_config={
            "hidden_size": 16,
            "output_channels": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": SIDE,
            "patch_size": 8,
            "window_size": 4,
            "global_attn_indexes": [1],
            "num_pos_feats": 8,
            "mlp_dim": 32,
            "initializer_range": 0.02,
        },
        prompt_encoder_config={
            "hidden_size": 16,
            "image_size": SIDE,
            "patch_size": 8,
            "mask_input_channels": 4,
        },
        mask_decoder_config=_DECODER,
    )
    _made(SamModel, config, seed).save_pretrained(folder)
    processor = SamImageProcessorPil(
        size={"longest_edge": SIDE}, pad_size={"height": SIDE, "width": SIDE}
    )
    SamProcessor(processor).save_pretrained(folder)
    return folder


def tiny_sam2(folder: Path, *, seed: int = 0) -> Path:
    """SAM 2 as it is published: its config says `sam2_video`, its weights hold a memory."""
    from safetensors.torch import load_file, save_file
    from transformers import Sam2Config, Sam2Model

    config = Sam2Config(
        vision_config={
            "model_type": "sam2_vision_model",
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": 8,
                "image_size": [SIDE, SIDE],
                "embed_dim_per_stage": [8, 16, 32, 64],
                "blocks_per_stage": [1, 1, 2, 1],
                "num_attention_heads_per_stage": [1, 1, 2, 2],
                "window_size_per_stage": [4, 4, 4, 4],
                "global_attention_blocks": [3],
                "window_positional_embedding_background_size": [2, 2],
            },
            "backbone_channel_list": [64, 32, 16, 8],
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
            "fpn_hidden_size": 16,
        },
        prompt_encoder_config={
            "hidden_size": 16,
            "image_size": SIDE,
            "patch_size": 16,
            "mask_input_channels": 4,
        },
        mask_decoder_config=_DECODER,
    )
    _made(Sam2Model, config, seed).save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    weights["memory_temporal_positional_encoding"] = torch.zeros(2, 1, 1, 16)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    change_json(folder / "config.json", model_type="sam2_video")
    settings = {
        "image_processor_type": "Sam2ImageProcessorFast",
        "size": {"height": SIDE, "width": SIDE},
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def change_json(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def _made(cls: Any, config: Any, seed: int) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return cls(config).eval()
