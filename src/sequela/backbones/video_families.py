"""Families of published video pipelines: their parts, and how each is told first and last frame.

What is said of them here was read in the source of diffusers 0.42.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image

Picture = Float[np.ndarray, "3 height width"]
Arguments = dict[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoRequest:
    """One clip, at the size and with the number of frames that a model can draw.

    Attributes:
        first: State in [-1, 1].
        last: The next one, on the same grid; None leaves the end to the model.
        frames: Both ends counted.
        region: Soft mask in [0, 1] on the states' grid: where the model may invent.
    """

    first: Picture
    last: Picture | None
    frames: int
    region: Float[np.ndarray, "height width"] | None = None


@dataclass(frozen=True, kw_only=True)
class VideoFamily:
    """What all models of one pipeline class share.

    Attributes:
        title: How a sentence names it.
        pipeline: The class in diffusers, as `model_index.json` has it.
        parts: Component to class; those of `optional` may be absent.
        optional: Components that not every model of the family has.
        settings: Entries of `model_index.json` that the pipeline is made with.
        guidance_scale: As published.
        codec_apart: Whether the codec may compute in another precision than the network.
        takes_region: Whether it can be told where to invent.
        ends: From a request to the arguments that tell the pipeline its ends.
    """

    title: str
    pipeline: str
    parts: Mapping[str, str]
    optional: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    guidance_scale: float
    codec_apart: bool
    takes_region: bool = False
    ends: Callable[[VideoRequest], Arguments] = field(repr=False)


def _wan_ends(request: VideoRequest) -> Arguments:
    last = {} if request.last is None else {"last_image": _shown(request.last)}
    return {"image": _shown(request.first), **last}


def _vace_ends(request: VideoRequest) -> Arguments:
    """Known pixels as they are and black in the mask; what is to be invented is mid grey there."""
    height, width = request.first.shape[1:]
    if request.region is None:
        invented = np.ones((height, width), dtype=bool)
    else:
        invented = request.region > 0.5  # the pipeline knows nothing between
    last = request.first if request.last is None else request.last
    video, masks = [], []
    for weight in np.linspace(0, 1, request.frames):
        is_known = weight == 0 or (weight == 1 and request.last is not None)
        unknown = np.zeros_like(invented) if is_known else invented
        blend = request.first + np.float32(weight) * (last - request.first)
        video.append(_shown(np.where(unknown, np.float32(0), blend)))
        masks.append(Image.fromarray(np.where(unknown, 255, 0).astype(np.uint8)).convert("RGB"))
    return {"video": video, "mask": masks}


def _ltx_ends(request: VideoRequest) -> Arguments:
    from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition

    conditions = [LTXVideoCondition(image=_shown(request.first), frame_index=0)]
    if request.last is not None:
        end = LTXVideoCondition(image=_shown(request.last), frame_index=request.frames - 1)
        conditions.append(end)
    # decoding as its authors advise; models without noise in the codec ignore it
    return {"conditions": conditions, "decode_timestep": 0.05, "image_cond_noise_scale": 0.025}


def _first_only(request: VideoRequest) -> Arguments:
    return {"image": _shown(request.first)}


def _shown(picture: Picture) -> Image.Image:
    pixels = np.rint((np.clip(picture, -1, 1) + 1) * 127.5).astype(np.uint8)
    return Image.fromarray(np.moveaxis(pixels, 0, -1))


_WAN = {
    "tokenizer": "AutoTokenizer",
    "text_encoder": "UMT5EncoderModel",
    "vae": "AutoencoderKLWan",
}
_T5 = {"tokenizer": "AutoTokenizer", "text_encoder": "T5EncoderModel"}

FAMILIES: dict[str, VideoFamily] = {
    family.pipeline: family
    for family in (
        VideoFamily(
            title="Wan image to video with a last frame (2.1 FLF2V, 2.2 A14B)",
            pipeline="WanImageToVideoPipeline",
            parts={
                **_WAN,
                "transformer": "WanTransformer3DModel",
                "transformer_2": "WanTransformer3DModel",
                "image_encoder": "CLIPVisionModel",
                "image_processor": "CLIPImageProcessorPil",
            },
            optional=("transformer_2", "image_encoder", "image_processor"),
            settings=("boundary_ratio", "expand_timesteps"),
            guidance_scale=5.0,
            codec_apart=True,
            ends=_wan_ends,
        ),
        VideoFamily(
            title="Wan VACE",
            pipeline="WanVACEPipeline",
            parts={
                **_WAN,
                "transformer": "WanVACETransformer3DModel",
                "transformer_2": "WanVACETransformer3DModel",
            },
            optional=("transformer_2",),
            settings=("boundary_ratio",),
            guidance_scale=5.0,
            codec_apart=True,
            takes_region=True,
            ends=_vace_ends,
        ),
        VideoFamily(
            title="LTX with conditions (0.9.5 and later)",
            pipeline="LTXConditionPipeline",
            parts={
                **_T5,
                "vae": "AutoencoderKLLTXVideo",
                "transformer": "LTXVideoTransformer3DModel",
            },
            guidance_scale=3.0,
            codec_apart=False,
            ends=_ltx_ends,
        ),
        VideoFamily(
            title="CogVideoX image to video",
            pipeline="CogVideoXImageToVideoPipeline",
            parts={
                **_T5,
                "vae": "AutoencoderKLCogVideoX",
                "transformer": "CogVideoXTransformer3DModel",
            },
            guidance_scale=6.0,
            codec_apart=False,
            ends=_first_only,
        ),
    )
}
