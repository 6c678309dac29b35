"""Cost: weights, memory and arithmetic of a fine-tuning, counted without doing it.

The networks are built on torch's `meta` device, where tensors have shapes and no values.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from sequela.backbones.folder import find_model, read_json
from sequela.backbones.weights import codec_class, quiet
from sequela.training.recipe import FineTunedNetwork, OptimiserSettings, Recipe

PEAK_SHARE = 0.15  # of the dense bf16 peak; a careful guess, for convolutions keep no GPU busy
_A100_FLOPS = 312e12
_TEXT_WEIGHTS = 123_060_480  # CLIP ViT-L/14, the text encoder of Stable Diffusion 1.4
_FUSED_FROM = 256  # square matrices from this size on are attention maps, which are not kept


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a fine-tuning takes, on one process.

    Attributes:
        learned: Weights that learn.
        frozen: Weights that do not: codec, text encoder, and with LoRA the denoiser.
        state_gb: Weights, gradients, optimiser and running average.
        kept_gb: What the forward pass of one image keeps for the backward pass.
        teraflops_per_image: Encoding, forward and backward pass.
    """

    learned: int
    frozen: int
    state_gb: float
    kept_gb: float
    teraflops_per_image: float
    batch_size: int

    @property
    def memory_gb(self) -> float:
        """At the widest point of an update."""
        return self.state_gb + self.batch_size * self.kept_gb

    @property
    def seconds_per_image(self) -> float:
        """On one A100 in half precision."""
        return self.teraflops_per_image * 1e12 / (_A100_FLOPS * PEAK_SHARE)


def find_here(model: str) -> Path | None:
    """The folder of a model that is on this machine, in the hub's cache too; None if it is not."""
    from huggingface_hub import try_to_load_from_cache

    path = Path(model).expanduser()
    if path.is_dir():
        return path
    cached = try_to_load_from_cache(model, "model_index.json") if model.count("/") == 1 else None
    return Path(cached).parent if isinstance(cached, str) else None


def cost_of(recipe: Recipe, model: Path | None) -> Cost:
    """Count a recipe's cost for the model in a folder, or for Stable Diffusion 1.4."""
    settings = recipe.network
    assert isinstance(settings, FineTunedNetwork)  # noqa: S101  # the caller has chosen by it
    networks = _networks(model)
    denoiser = networks.denoiser
    whole = _count(denoiser)
    frozen = _count(networks.codec) + networks.text_weights
    if settings.lora_rank:
        from sequela.training.objectives.fine_tuning import add_lora

        denoiser.requires_grad_(False)
        add_lora(denoiser, settings.lora_rank, recipe.seed)
        frozen += whole
    learned = sum(p.numel() for p in denoiser.parameters() if p.requires_grad)
    kept = _Kept()
    if settings.gradient_checkpointing:
        denoiser.enable_gradient_checkpointing(kept.checkpointed)
    with quiet():
        denoiser.to(_precision(recipe.optimiser)).train()
    side = recipe.data.image_size
    with FlopCounterMode(display=False) as counter:
        image = torch.zeros(1, recipe.data.channels, side, side, device="meta")
        with torch.no_grad():
            latents = networks.codec.encode(image).latent_dist.mean
        encoding = counter.get_total_flops()
        with kept:
            output = networks.run(latents.to(_precision(recipe.optimiser)))
            forward = counter.get_total_flops() - encoding
            output.float().sum().backward()
    again = forward if settings.gradient_checkpointing else 0
    return Cost(
        learned=learned,
        frozen=frozen,
        state_gb=_state_bytes(learned, frozen, recipe.optimiser) / 1e9,
        kept_gb=kept.total / 1e9,
        teraflops_per_image=(counter.get_total_flops() + again) / 1e12,
        batch_size=recipe.optimiser.batch_size,
    )


@dataclass
class _Kept:
    """Counts the bytes that a forward pass keeps, each storage once."""

    storages: dict[int, int] = field(default_factory=dict)
    inputs: int = 0
    widest: int = 0  # bytes of the widest part that is computed again

    def __enter__(self) -> None:
        self._hooks = saved_tensors_hooks(self._into(self.storages), lambda x: x)
        self._hooks.__enter__()

    def __exit__(self, *told: object) -> None:
        self._hooks.__exit__(*told)

    @property
    def total(self) -> int:
        return sum(self.storages.values()) + self.inputs + self.widest

    def checkpointed(self, part: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """What gradient checkpointing would keep of one part: its inputs."""
        inner: dict[int, int] = {}
        with saved_tensors_hooks(self._into(inner), lambda x: x):
            result = part(*given, **named)
        self.inputs += sum(x.nbytes for x in given if isinstance(x, Tensor))
        self.widest = max(self.widest, sum(inner.values()))
        return result

    @staticmethod
    def _into(storages: dict[int, int]) -> Callable[[Tensor], Tensor]:
        def keep(tensor: Tensor) -> Tensor:
            is_map = tensor.shape[-1:] == tensor.shape[-2:-1] and tensor.shape[-1] >= _FUSED_FROM
            if not isinstance(tensor, nn.Parameter) and not is_map:
                storage = tensor.untyped_storage()
                storages[storage._cdata] = storage.nbytes()
            return tensor

        return keep


@dataclass
class _Networks:
    """A model's networks without values."""

    denoiser: Any
    codec: Any
    text_weights: int

    def run(self, latents: Tensor) -> Tensor:
        """The denoiser's output, told as many words as the family is."""
        config, time = self.denoiser.config, torch.zeros(1, device="meta")
        if "joint_attention_dim" in config:  # Stable Diffusion 3
            words = latents.new_zeros(1, 333, config.joint_attention_dim)
            pooled = latents.new_zeros(1, config.pooled_projection_dim)
            output = self.denoiser(latents, words, pooled, time)
        else:
            words = latents.new_zeros(1, 77, config.cross_attention_dim)
            output = self.denoiser(latents, time, words, added_cond_kwargs=self._added(latents))
        result: Tensor = output.sample
        return result

    def _added(self, latents: Tensor) -> dict[str, Tensor]:
        config = self.denoiser.config
        if config.addition_embed_type != "text_time":  # Stable Diffusion XL has it
            return {}
        times = 6 * config.addition_time_embed_dim
        width = config.projection_class_embeddings_input_dim - times
        return {"text_embeds": latents.new_zeros(1, width), "time_ids": latents.new_zeros(1, 6)}


def _networks(model: Path | None) -> _Networks:
    from diffusers import AutoencoderKL, SD3Transformer2DModel, UNet2DConditionModel

    with torch.device("meta"):
        if model is None:
            widths = (128, 256, 512, 512)
            blocks = {"down_block_types": ("DownEncoderBlock2D",) * 4}
            blocks |= {"up_block_types": ("UpDecoderBlock2D",) * 4}
            codec = AutoencoderKL(block_out_channels=widths, layers_per_block=2, **blocks)
            # the other defaults of diffusers are those of Stable Diffusion 1
            unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768)
            return _Networks(unet, codec, _TEXT_WEIGHTS)
        folder = find_model(model)
        is_flow = folder.family == "stable-diffusion-3"
        cls: Any = SD3Transformer2DModel if is_flow else UNet2DConditionModel
        part = "transformer" if is_flow else "unet"
        denoiser = cls.from_config(read_json(model / part / "config.json"))
        vae = model / "vae"
        codec = codec_class(vae).from_config(read_json(vae / "config.json"))
    return _Networks(denoiser, codec, _text_weights(model))


def _text_weights(model: Path) -> int:
    from safetensors import safe_open

    count = 0
    for file in model.glob("text_encoder*/*.safetensors"):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118  # no mapping
                count += torch.Size(tensors.get_slice(name).get_shape()).numel()
    return count


def _precision(settings: OptimiserSettings) -> torch.dtype:
    return torch.float32 if settings.mixed_precision == "no" else torch.bfloat16


def _state_bytes(learned: int, frozen: int, settings: OptimiserSettings) -> int:
    half = 0 if settings.mixed_precision == "no" else 2  # copies that are multiplied with
    averaged = 4 if settings.ema_decay else 0
    # 4 bytes each: weight, gradient, and AdamW's two running means
    return learned * (16 + half + averaged) + frozen * (4 + half)


def _count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
