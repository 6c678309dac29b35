"""The published PIE step and the paper's, straight down the page, from stock diffusers alone.

Written from the behaviour specification of the published system, not from its source, and sharing
no line with the package under test: nothing of it is imported here. Numbers in comments give the
order in which the published code acts. The model's own downsampling factor stands where the
published code has 8, so that tiny models run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, PNDMScheduler, UNet2DConditionModel
from PIL import Image
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

DRAWS_A_STEP = 6


@dataclass
class Step:
    """All intermediates of one step of progressive editing."""

    image_tensor: Tensor  # x_{n-1}, preprocessed
    latent_mask: Tensor | None
    timesteps: list[int] = field(default_factory=list)
    network_calls: list[int] = field(default_factory=list)
    draws: int = 0
    noisy: Tensor | None = None  # z before the loop
    reference: Tensor | None = None  # z0
    held: list[Tensor] = field(default_factory=list)  # zt
    fed: list[Tensor] = field(default_factory=list)  # z as the network sees it
    denoised: list[Tensor] = field(default_factory=list)  # z after each solver step
    kept: Tensor | None = None  # z after Eq. 6, if any
    image: Image.Image | None = None  # x_n
    float_image: Tensor | None = None


@dataclass
class Model:
    vae: AutoencoderKL
    unet: UNet2DConditionModel
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    folder: Path

    @classmethod
    def load(cls, folder: Path) -> "Model":
        return cls(
            AutoencoderKL.from_pretrained(folder, subfolder="vae").eval(),
            UNet2DConditionModel.from_pretrained(folder, subfolder="unet").eval(),
            CLIPTextModel.from_pretrained(folder / "text_encoder").eval(),
            CLIPTokenizer.from_pretrained(folder / "tokenizer"),
            folder,
        )

    @property
    def factor(self) -> int:
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    def embedded(self, prompt: str) -> Tensor:
        # 1. The batch is [unconditional, conditional], padded to the context's length.
        limit = self.tokenizer.model_max_length
        ids = self.tokenizer(
            ["", prompt],
            padding="max_length",
            max_length=limit,
            truncation=True,
            return_tensors="pt",
        ).input_ids
        return self.text_encoder(ids)[0]


def preprocessed(image: Image.Image) -> Tensor:
    # 2. Lanczos down to a multiple of 8, then [-1, 1].
    width, height = (side - side % 8 for side in image.size)
    image = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.array(image).astype(np.float32)).permute(2, 0, 1)[None]
    return pixels / 127.5 - 1


def latent_mask_of(mask: Image.Image, factor: int) -> Tensor:
    # 3. Lanczos to a multiple of 8, bilinear without antialias to the latents' grid in 8 bits (as
    # OpenCV does it), a fourth channel copied from the first, soft.
    width, height = (side - side % 8 for side in mask.size)
    mask = mask.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.array(mask).astype(np.float32)).permute(2, 0, 1)[None]
    small = torch.nn.functional.interpolate(
        pixels, size=(height // factor, width // factor), mode="bilinear", align_corners=False
    )
    small = torch.floor(small + 0.5)
    return torch.cat([small, small[:, :1]], dim=1) / 255


@torch.no_grad()
def official_run(
    folder: Path,
    image: Image.Image,
    mask: Image.Image | None,
    prompt: str,
    noises: Sequence[Sequence[Tensor]],
    *,
    strength: float = 0.5,
    num_denoising_steps: int = 50,
    guidance_scale: float = 7.5,
    inside: float = 0.75,
    outside: float = 0.01,
) -> list[Step]:
    """As many steps as `noises` has entries, each of six draws of latent shape [1, 4, h, w]."""
    model = Model.load(folder)
    scale = model.vae.config.scaling_factor
    steps: list[Step] = []
    current = image
    for six in noises:
        scheduler = PNDMScheduler.from_pretrained(folder, subfolder="scheduler")
        queue = iter(six)
        embedding = model.embedded(prompt)
        step = Step(
            preprocessed(current), None if mask is None else latent_mask_of(mask, model.factor)
        )
        original = preprocessed(image)
        # 4. The list of a whole schedule, cut.
        scheduler.set_timesteps(num_denoising_steps)
        first = num_denoising_steps - min(int(num_denoising_steps * strength), num_denoising_steps)
        timesteps = scheduler.timesteps[first:]
        step.timesteps = timesteps.tolist()
        # 5. x_{n-1}: posterior sample (draw 1), noised (draw 2) to the first kept timestep.
        posterior = model.vae.encode(step.image_tensor).latent_dist
        z = (posterior.mean + posterior.std * next(queue)) * scale
        z = scheduler.add_noise(z, next(queue), timesteps[:1])
        step.noisy = z
        # 6. x_0: posterior sample (draw 3); its noised version (draw 4) is thrown away.
        posterior = model.vae.encode(original).latent_dist
        z0 = (posterior.mean + posterior.std * next(queue)) * scale
        next(queue)
        step.reference = z0
        # 7. A second sample of x_0 (draw 5), one noise (draw 6) to every kept timestep.
        again = (posterior.mean + posterior.std * next(queue)) * scale
        shared = next(queue)
        zt = [scheduler.add_noise(again, shared, t[None]) for t in timesteps]
        step.held = zt
        step.draws = DRAWS_A_STEP - len(list(queue))
        # 8. The loop: hold, guide, step.
        for i, t in enumerate(timesteps):
            if step.latent_mask is not None and i > 0:
                z = zt[i] * (1 - step.latent_mask) + z * step.latent_mask
            step.fed.append(z)
            empty, asked = model.unet(torch.cat([z, z]), t, embedding).sample.chunk(2)
            step.network_calls.append(int(t))
            z = scheduler.step(empty + guidance_scale * (asked - empty), t, z).prev_sample
            step.denoised.append(z)
        # 9. Equation 6, in latent space, with a mask only.
        if step.latent_mask is not None:
            m = step.latent_mask
            z = z0 + (outside * (1 - m) + inside * m) * (z - z0)
            step.kept = z
        # 10. Decode, clamp, 8 bits, which the next step reads.
        current = _finished(model, z / scale, step)
        steps.append(step)
    return steps


@torch.no_grad()
def paper_run(
    folder: Path,
    image: Image.Image,
    mask: Image.Image | None,
    prompt: str,
    noises: Sequence[Tensor],
    *,
    strength: float = 0.6,
    num_denoising_steps: int = 50,
    guidance_scale: float = 7.5,
    inside: float = 0.75,
    outside: float = 0.01,
) -> list[Step]:
    """The paper's equations 5 and 6: DDIM, posterior mode, float images, one draw a step."""
    model = Model.load(folder)
    scale = model.vae.config.scaling_factor
    original = preprocessed(image)
    z0 = model.vae.encode(original).latent_dist.mean * scale
    m = torch.ones_like(z0) if mask is None else latent_mask_of(mask, model.factor)
    embedding = model.embedded(prompt)
    steps: list[Step] = []
    current = original
    for noise in noises:
        published = PNDMScheduler.load_config(folder / "scheduler")
        scheduler = DDIMScheduler.from_config(published, clip_sample=False)
        scheduler.set_timesteps(num_denoising_steps)
        first = num_denoising_steps - min(int(num_denoising_steps * strength), num_denoising_steps)
        timesteps = scheduler.timesteps[first:]
        step = Step(current, m, timesteps.tolist(), draws=1, reference=z0)
        z = model.vae.encode(current).latent_dist.mean * scale
        z = scheduler.add_noise(z, noise, timesteps[:1])
        step.noisy = z
        for t in timesteps:
            step.fed.append(z)
            empty, asked = model.unet(torch.cat([z, z]), t, embedding).sample.chunk(2)
            step.network_calls.append(int(t))
            z = scheduler.step(empty + guidance_scale * (asked - empty), t, z, eta=0.0).prev_sample
            step.denoised.append(z)
        z = z0 + (outside * (1 - m) + inside * m) * (z - z0)
        step.kept = z
        _finished(model, z / scale, step)
        current = step.float_image
        steps.append(step)
    return steps


def _finished(model: Model, latents: Tensor, step: Step) -> Image.Image:
    decoded = model.vae.decode(latents).sample.clamp(-1, 1)
    step.float_image = decoded
    pixels = ((decoded / 2 + 0.5).clamp(0, 1) * 255).round()[0].permute(1, 2, 0)
    step.image = Image.fromarray(pixels.numpy().astype(np.uint8))
    return step.image
