"""Every family keeps the promises of the `Backbone` protocol."""

import pytest
import torch

from sequela.backbones import load_backbone
from sequela.core import GeometryMismatchError, InvalidInputError

FAMILIES = ["sd", "grey", "sd2", "sdxl", "sd3", "sd3-t5"]


@pytest.fixture(scope="module", params=FAMILIES)
def backbone(request, model_folders):
    return load_backbone(model_folders[request.param], device="cpu")


def _images(backbone, count=2):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, backbone.image_channels, 32, 32, generator=generator) * 2 - 1


def test_an_image_becomes_latents_and_comes_back_in_its_shape(backbone):
    images = _images(backbone)
    posterior = backbone.encode(images)
    assert posterior.mean.shape == posterior.std.shape == (2, 4, 16, 16)
    assert bool((posterior.std > 0).all())
    decoded = backbone.decode(posterior.mean)
    assert decoded.shape == images.shape
    assert decoded.dtype == torch.float32
    assert not decoded.requires_grad


def test_encoding_scales_and_shifts_what_decoding_undoes(backbone):
    config = backbone.vae.config
    raw = backbone.vae.encode(_images(backbone)).latent_dist
    posterior = backbone.encode(_images(backbone))
    shift = config.shift_factor or 0.0
    torch.testing.assert_close(posterior.mean, (raw.mean - shift) * config.scaling_factor)
    torch.testing.assert_close(posterior.std, raw.std * config.scaling_factor)
    torch.testing.assert_close(
        backbone.decode(posterior.mean), backbone.vae.decode(raw.mean).sample, rtol=1e-4, atol=1e-4
    )


def test_the_denoiser_heeds_text_and_timestep_and_treats_a_batch_as_a_loop(backbone):
    latents = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    both = backbone.embed(["large heart", "edema"])
    output = backbone.denoise(latents, 500, both)
    assert output.shape == latents.shape
    assert output.dtype == torch.float32
    alone = backbone.denoise(latents[1:], 500, backbone.embed(["edema"]))
    torch.testing.assert_close(output[1:], alone, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(output, backbone.denoise(latents, 100, both), atol=1e-4)
    other = backbone.denoise(latents, 500, backbone.embed(["edema", "large heart"]))
    assert not torch.equal(output, other)


def test_an_embedding_of_one_text_serves_a_whole_batch(backbone):
    latents = torch.randn(3, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    one = backbone.denoise(latents, 500, backbone.embed(["edema"]))
    three = backbone.denoise(latents, 500, backbone.embed(["edema"] * 3))
    torch.testing.assert_close(one, three)


def test_the_part_of_a_text_beyond_the_limit_is_told(backbone):
    short, long = "edema", " ".join(["large heart edema"] * 200)
    truncated = backbone.embed([short, long]).truncated
    assert truncated[0] == ""
    assert "edema" in truncated[1]


def test_sizes_are_read_from_the_model(backbone):
    assert backbone.image_size == 32
    assert backbone.image_multiple == 2
    assert backbone.device == torch.device("cpu")


def test_images_off_the_grid_or_of_other_channels_are_refused(backbone):
    with pytest.raises(GeometryMismatchError, match="multiples of 2"):
        backbone.encode(torch.zeros(1, backbone.image_channels, 31, 32))
    with pytest.raises(GeometryMismatchError, match="channels"):
        backbone.encode(torch.zeros(1, 2, 32, 32))


def test_one_text_in_place_of_a_list_is_refused(backbone):
    with pytest.raises(InvalidInputError, match="must be a list"):
        backbone.embed("edema")


def test_grey_models_take_one_channel(model_folders):
    assert load_backbone(model_folders["grey"]).image_channels == 1


def test_the_schedule_follows_the_scheduler_config(model_folders):
    plain = load_backbone(model_folders["sd"]).schedule
    assert (plain.prediction, plain.steps_offset, len(plain)) == ("epsilon", 1, 1000)
    assert plain.at(-1) == plain.at(0)
    assert load_backbone(model_folders["sd2"]).schedule.prediction == "v_prediction"
    flow = load_backbone(model_folders["sd3"]).schedule
    assert flow.prediction == "flow"
    assert flow.at(499)[1] == pytest.approx(0.75)


def test_the_empty_text_of_xl_stands_for_zeros(model_folders):
    embedding = load_backbone(model_folders["sdxl"]).embed(["", "edema"])
    assert not embedding.tokens[0].any()
    assert not embedding.extra["pooled"][0].any()
    assert embedding.tokens[1].any()


def test_loading_twice_gives_the_same_weights_and_hash(model_folders):
    first, second = (load_backbone(model_folders["sd"]) for _ in range(2))
    assert first.card == second.card
    latents, embedding = torch.ones(1, 4, 16, 16), first.embed(["edema"])
    assert torch.equal(
        first.denoise(latents, 300, embedding), second.denoise(latents, 300, embedding)
    )
