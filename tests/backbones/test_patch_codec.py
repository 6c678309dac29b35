"""The linear codec of patches against NumPy's singular values, and where an autoencoder stands."""

import numpy as np
import pytest
import torch

from sequela.backbones.patch_codec import PatchCodec, fit_patch_codec
from sequela.checkpoints import save_pipeline
from sequela.core import InvalidInputError
from tests.backbones.tiny_models import tiny_sd


def images(count=6, channels=3, side=16):
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(count, channels, side, side, generator=generator)
    return (0.2 + drawn.cumsum(-1).cumsum(-2) / side).clamp(-1, 1)


def restored(codec, batch):
    return codec.decode(codec.encode(batch).latent_dist.mean).sample


def patches(batch):
    n, c, h, w = batch.shape
    split = batch.reshape(n, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 1, 3, 5)
    return split.reshape(-1, c * 16).double().numpy()


@pytest.mark.parametrize("kept", [1, 5, 20])
def test_nothing_linear_of_that_size_restores_more(kept):
    batch = images()
    found = patches(batch)
    middle = found.mean(0)
    _, values, _ = np.linalg.svd(found - middle, full_matrices=False)
    least = (values[kept:] ** 2).sum()  # Eckart and Young, 1936
    codec = fit_patch_codec([batch], latent_channels=kept)
    error = (restored(codec, batch) - batch).double().square().sum()
    assert float(error) == pytest.approx(least, rel=1e-4)


def test_latents_tell_nothing_of_each_other_and_vary_as_documented():
    codec = fit_patch_codec([images()], latent_channels=6)
    latents = codec.encode(images()).latent_dist.mean.permute(1, 0, 2, 3).flatten(1)
    found = patches(images())
    _, values, _ = np.linalg.svd(found - found.mean(0), full_matrices=False)
    spread = torch.from_numpy(values[:6] / np.sqrt(len(found))).float()
    torch.testing.assert_close(
        torch.cov(latents, correction=0), spread.diag(), rtol=1e-3, atol=1e-4
    )
    torch.testing.assert_close(latents.mean(1), torch.zeros(6), rtol=0, atol=1e-3)
    scaled = latents * codec.config.scaling_factor
    assert float(scaled.square().mean()) == pytest.approx(1, rel=1e-3)


def test_batches_give_the_codec_of_all_at_once():
    whole = fit_patch_codec([images()], latent_channels=4)
    parts = fit_patch_codec(images().split(2), latent_channels=4)
    torch.testing.assert_close(restored(whole, images()), restored(parts, images()))


def test_components_point_one_way_whatever_the_library_says():
    weight = fit_patch_codec([images()], latent_channels=5).components.weight.flatten(1)
    assert bool((weight.gather(1, weight.abs().argmax(1, keepdim=True)) > 0).all())


def test_it_draws_nothing_and_works_on_any_size():
    codec = fit_patch_codec([images()], latent_channels=8)
    posterior = codec.encode(images(2, side=32)[..., :20]).latent_dist
    assert posterior.mean.shape == (2, 8, 8, 5)
    assert float(posterior.std.max()) < 1e-6
    assert restored(codec, images(2, side=32)[..., :20]).shape == (2, 3, 32, 20)


def test_it_stands_in_a_pipeline_of_diffusers(tmp_path):
    from diffusers import StableDiffusionPipeline

    model = StableDiffusionPipeline.from_pretrained(tiny_sd(tmp_path / "tiny"), safety_checker=None)
    codec = fit_patch_codec([images()], latent_channels=4)
    parts = {"vae": codec, "unet": model.unet, "text_encoder": model.text_encoder}
    save_pipeline(
        tmp_path / "mine",
        parts=parts,
        scheduler=model.scheduler,
        tokenizer=model.tokenizer,
        card={},
    )
    loaded = StableDiffusionPipeline.from_pretrained(
        tmp_path / "mine", safety_checker=None, dtype=torch.float32
    )
    assert isinstance(loaded.vae, PatchCodec)
    made = loaded("", num_inference_steps=2, output_type="np", height=32, width=32).images
    assert made.shape == (1, 32, 32, 3)
    torch.testing.assert_close(
        restored(loaded.vae, images()), restored(codec, images()), rtol=0, atol=1e-2
    )


def test_too_many_components_are_refused():
    with pytest.raises(InvalidInputError, match="between 1 and 47"):
        fit_patch_codec([images()], latent_channels=48)
    with pytest.raises(InvalidInputError, match="must hold images"):
        fit_patch_codec([], latent_channels=1)
    with pytest.raises(InvalidInputError, match="ways in which"):
        fit_patch_codec([torch.zeros(2, 3, 16, 16)], latent_channels=1)
