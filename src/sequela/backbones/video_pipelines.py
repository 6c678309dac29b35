"""A video model of diffusers that fills the frames between two pictures, behind one call.

Not run on published weights.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequela.backbones.video_families import VideoFamily, VideoRequest
from sequela.backbones.weights import quiet
from sequela.core.checks import check_count
from sequela.core.errors import InvalidInputError

_WAN_TOKENS = 512  # what Wan was trained with; shorter texts are zeros from their end on


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoModel:
    """A loaded video pipeline and what can be asked of it.

    Attributes:
        name: Hub id, or name of the folder.
        family: Which pipeline it is.
        pipeline: diffusers' own.
        last_frame: Whether it can end on a given frame: `never`, `may` or `must`.
        frame_step: It draws n times this many frames and one.
        multiple: Both sides of its pictures are multiples of it.
        fixed: Frames, height and width where it can draw nothing else.
        card: Name, kind and hash of the weights.
    """

    name: str
    family: VideoFamily
    pipeline: Any
    last_frame: str
    frame_step: int
    multiple: int
    fixed: tuple[int, int, int] | None
    card: dict[str, Any]

    def frames_for(self, frames: int) -> int:
        """The least number of frames it can draw that is not below the one asked for."""
        check_count("frames", frames, minimum=2, hint="Both states are counted.")
        if self.fixed is not None:
            return self.fixed[0]
        return -(-(frames - 1) // self.frame_step) * self.frame_step + 1

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """The size it can draw that is nearest to the one asked for."""
        if self.fixed is not None:
            return self.fixed[1:]
        half = self.multiple // 2
        fitted = [
            max(1, (side + half) // self.multiple) * self.multiple for side in (height, width)
        ]
        return fitted[0], fitted[1]

    @torch.inference_mode()
    def draw(  # noqa: PLR0913  # one keyword each for what all pipelines take
        self,
        request: VideoRequest,
        *,
        text: str,
        negative_text: str = "",
        seed: int,
        num_denoising_steps: int = 50,
        guidance_scale: float | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Float[np.ndarray, "frame 3 height width"]:
        """The whole clip in [-1, 1], its ends as the model drew them.

        Args:
            request: Of a size and a number of frames from `size_for` and `frames_for`.
            text: What happens.
            negative_text: What the frames are steered away from.
            seed: All noise follows it.
            num_denoising_steps: Of the model's own sampler.
            guidance_scale: Weight of the text; None is as published.
            progress: Called with (denoising steps done, all of them).
        """
        height, width = request.first.shape[1:]
        self._check_fits(request.frames, height, width)

        def report(_: Any, step: int, __: Any, given: dict[str, Any]) -> dict[str, Any]:
            if progress is not None:
                progress(step + 1, num_denoising_steps)
            return given

        scale = self.family.guidance_scale if guidance_scale is None else guidance_scale
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of numpy, in the LTX scheduler
            drawn = self.pipeline(
                **self.family.ends(request),
                **self._told(text, negative_text),
                height=height,
                width=width,
                num_frames=request.frames,
                num_inference_steps=num_denoising_steps,
                guidance_scale=scale,
                generator=torch.Generator().manual_seed(seed),
                output_type="pt",
                callback_on_step_end=report,
            ).frames[0]
        return np.asarray(2 * drawn.float().cpu().clamp(0, 1).numpy() - 1, dtype=np.float32)

    def _told(self, text: str, negative_text: str) -> dict[str, Any]:
        if not self.family.pipeline.startswith("Wan"):
            return {"prompt": text, "negative_prompt": negative_text}
        # given as embeddings, for the pipeline's own cleaning of texts needs one more package
        return {
            "prompt_embeds": self._wan_words(text),
            "negative_prompt_embeds": self._wan_words(negative_text),
        }

    def _wan_words(self, text: str) -> Float[Tensor, "1 token width"]:
        tokens = self.pipeline.tokenizer(
            [text.strip()],
            padding="max_length",
            max_length=_WAN_TOKENS,
            truncation=True,
            return_attention_mask=True,
            return_tensors="pt",
        )
        where = self.pipeline.device
        told = (tokens.input_ids.to(where), tokens.attention_mask.to(where))
        words = self.pipeline.text_encoder(*told).last_hidden_state  # offloaded, it moves them
        return torch.as_tensor(words * tokens.attention_mask[..., None].to(words))

    def _check_fits(self, frames: int, height: int, width: int) -> None:
        if self.frames_for(frames) != frames or self.size_for(height, width) != (height, width):
            raise InvalidInputError(
                f"`request` must be of a size and length that {self.name} can draw, got {frames} "
                f"frames of {height} x {width}. Take those of `frames_for` and `size_for`."
            )
