"""Text, time and size reach the networks as in the pipelines of diffusers; tolerance 1e-5."""

import pytest
import torch

from sequela.backbones import load_backbone

pytestmark = pytest.mark.parity
TEXT = "a large heart"


def _close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", ["sd", "sd2"])
def test_stable_diffusion_embeds_and_denoises_as_its_pipeline(family, model_folders):
    from diffusers import StableDiffusionPipeline

    backbone = load_backbone(model_folders[family])
    pipeline = StableDiffusionPipeline(
        vae=backbone.vae,
        text_encoder=backbone.text.clip.network,
        tokenizer=backbone.text.clip.tokenizer,
        unet=backbone.denoiser.network,
        scheduler=_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    tokens, _ = pipeline.encode_prompt(TEXT, "cpu", 1, False)
    _close(backbone.embed([TEXT]).tokens, tokens)
    latents = torch.ones(1, 4, 16, 16)
    theirs = backbone.denoiser.network(latents, torch.tensor(481), tokens).sample
    _close(backbone.denoise(latents, 481, backbone.embed([TEXT])), theirs)


def test_xl_embeds_and_tells_the_size_as_its_pipeline(model_folders):
    from diffusers import StableDiffusionXLPipeline

    backbone = load_backbone(model_folders["sdxl"])
    pipeline = StableDiffusionXLPipeline(
        vae=backbone.vae,
        text_encoder=backbone.text.first.network,
        text_encoder_2=backbone.text.second.network,
        tokenizer=backbone.text.first.tokenizer,
        tokenizer_2=backbone.text.second.tokenizer,
        unet=backbone.denoiser.network,
        scheduler=_scheduler(),
        add_watermarker=False,
    )
    tokens, empty, pooled, empty_pooled = pipeline.encode_prompt(TEXT, device="cpu")
    ours = backbone.embed([TEXT, ""])
    _close(ours.tokens, torch.cat([tokens, empty]))
    _close(ours.extra["pooled"], torch.cat([pooled, empty_pooled]))
    latents = torch.ones(1, 4, 16, 16)
    theirs = backbone.denoiser.network(
        latents,
        torch.tensor(481),
        tokens,
        added_cond_kwargs={
            "text_embeds": pooled,
            "time_ids": torch.tensor([[32.0, 32, 0, 0, 32, 32]]),
        },
    ).sample
    _close(backbone.denoise(latents, 481, backbone.embed([TEXT])), theirs)


@pytest.mark.parametrize("family", ["sd3", "sd3-t5"])
def test_sd3_embeds_and_denoises_as_its_pipeline(family, model_folders):
    from diffusers import FlowMatchEulerDiscreteScheduler, StableDiffusion3Pipeline

    backbone = load_backbone(model_folders[family])
    text = backbone.text
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    pipeline = StableDiffusion3Pipeline(
        transformer=backbone.denoiser.network,
        scheduler=scheduler,
        vae=backbone.vae,
        text_encoder=text.first.network,
        tokenizer=text.first.tokenizer,
        text_encoder_2=text.second.network,
        tokenizer_2=text.second.tokenizer,
        text_encoder_3=text.third.network if text.third else None,
        tokenizer_3=text.third.tokenizer if text.third else None,
    )
    tokens, _, pooled, _ = pipeline.encode_prompt(
        TEXT, TEXT, TEXT, device="cpu", do_classifier_free_guidance=False
    )
    ours = backbone.embed([TEXT])
    _close(ours.tokens, tokens)
    _close(ours.extra["pooled"], pooled)
    # Their list falls from the noisiest; ours rises.
    sigmas = scheduler.sigmas.flip(0).double()
    torch.testing.assert_close(backbone.schedule.sigma, sigmas, rtol=1e-5, atol=1e-6)
    times = scheduler.timesteps.flip(0).double()
    torch.testing.assert_close(backbone.schedule.model_time, times, rtol=1e-5, atol=1e-3)


def _scheduler():
    from diffusers import DDIMScheduler

    return DDIMScheduler(steps_offset=1, clip_sample=False)
