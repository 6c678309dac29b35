"""SEINE's published container: read without running it, converted once, loaded strictly."""

import json
import os
import shutil

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from sequela.backbones.seine import convert, load_seine
from sequela.core import CheckpointError, OutputExistsError, UnknownNameError, UnreadableFileError
from tests.nn.tiny_seine import TINY, tiny_checkpoint, tiny_seine


@pytest.fixture
def checkpoint(tmp_path):
    return tiny_checkpoint(tmp_path / "seine.pt")


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seine")
    return convert(tiny_checkpoint(folder / "seine.pt"), folder / "converted", config=TINY)


def _changed(file, change):
    weights = tiny_seine().state_dict()
    change(weights)
    torch.save({"ema": weights}, file)


def test_the_converted_file_holds_every_tensor_and_says_what_it_is(converted):
    expected = tiny_seine().state_dict()
    stored = load_file(converted)
    assert stored.keys() == expected.keys()
    assert all(torch.equal(stored[name], expected[name]) for name in expected)
    with safe_open(converted, framework="pt") as file:
        header = file.metadata()
    assert header["architecture"] == "seine"
    assert json.loads(header["config"]) == TINY.to_json()
    assert "academic research" in header["licence"]


def test_what_was_converted_computes_what_the_checkpoint_did(converted, tiny_sd_folder):
    backbone = load_seine(converted.parent, tiny_sd_folder, device="cpu")
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(1, 9, 16, 8, 8, generator=generator)
    tokens = backbone.embed(["smooth transition"])
    found = backbone.denoise(latents, 999, tokens)
    expected = tiny_seine()(latents, torch.tensor([999.0]), tokens)
    assert torch.allclose(found, expected, atol=1e-5)


def test_tensors_of_one_storage_are_converted_too(tmp_path):
    weights = tiny_seine().state_dict()
    flat = torch.cat([tensor.flatten() for tensor in weights.values()])
    pieces = flat.split([tensor.numel() for tensor in weights.values()])
    views = {n: p.view(weights[n].shape) for n, p in zip(weights, pieces, strict=True)}
    torch.save({"ema": views}, tmp_path / "seine.pt")
    file = convert(tmp_path / "seine.pt", tmp_path / "converted", config=TINY)
    stored = load_file(file)
    assert all(torch.equal(stored[name], weights[name]) for name in weights)


def test_by_default_the_published_sizes_are_asked_for(checkpoint, tmp_path):
    with pytest.raises(CheckpointError) as error:
        convert(checkpoint, tmp_path / "converted")
    said = str(error.value)
    assert "must hold the 830 tensors" in said
    assert "missing: " in said
    assert "reshaped: conv_in.weight [16, 9, 3, 3] for [320, 9, 3, 3]" in said
    assert not (tmp_path / "converted").exists()


def test_the_first_tensors_that_differ_are_named(tmp_path):
    def change(weights):
        del weights["conv_in.weight"]
        del weights["down_blocks.0.attentions.0.transformer_blocks.0.attn_temp.rotary_emb.freqs"]
        weights["conv_more.weight"] = torch.zeros(2)
        weights["conv_out.bias"] = torch.zeros(7)

    _changed(tmp_path / "seine.pt", change)
    with pytest.raises(CheckpointError) as error:
        convert(tmp_path / "seine.pt", tmp_path / "converted", config=TINY)
    for part in (
        "missing: conv_in.weight, down_blocks.0.attentions.0.transformer_blocks.0.attn_temp.rotary",
        "surplus: conv_more.weight",
        "reshaped: conv_out.bias [7] for [4]",
    ):
        assert part in str(error.value)
    assert "\n" not in str(error.value)


class _Coded:
    def __init__(self, place: str) -> None:
        self.place = place

    def __reduce__(self):
        return (os.mkdir, (self.place,))


def test_a_pickle_with_code_is_refused_and_nothing_of_it_runs(tmp_path):
    file, place = tmp_path / "seine.pt", tmp_path / "made-by-the-pickle"
    torch.save({"ema": tiny_seine().state_dict(), "more": _Coded(str(place))}, file)
    with pytest.raises(CheckpointError, match="Nothing in it was run") as error:
        convert(file, tmp_path / "converted", config=TINY)
    assert not place.exists()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "text"])
def test_a_damaged_file_is_one_sentence(checkpoint, tmp_path, damage):
    content = bytearray(checkpoint.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1  # within some tensor
    checkpoint.write_bytes(
        {"cut": content[: len(content) // 2], "emptied": b"", "text": b"not weights"}.get(
            damage, content
        )
    )
    with pytest.raises(CheckpointError, match=r"damaged.*Fetch seine\.pt again") as error:
        convert(checkpoint, tmp_path / "converted", config=TINY)
    assert "\n" not in str(error.value)


def test_the_container_of_old_torch_is_refused(tmp_path):
    content = {"ema": tiny_seine().state_dict()}
    torch.save(content, tmp_path / "seine.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(CheckpointError, match="not a zip as torch has written"):
        convert(tmp_path / "seine.pt", tmp_path / "converted", config=TINY)


def test_a_zip_that_torch_did_not_write_is_refused(tmp_path, checkpoint):
    shutil.make_archive(str(tmp_path / "other"), "zip", checkpoint.parent, checkpoint.name)
    with pytest.raises(CheckpointError, match="no readable torch checkpoint"):
        convert(tmp_path / "other.zip", tmp_path / "converted", config=TINY)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"model": {}, "steps": 3}, "a dictionary of model, steps"),
        ([1, 2], "a list"),
        ({"ema": {"conv_in.weight": 3}}, "named tensors only"),
    ],
)
def test_a_container_without_the_weights_is_told_from_what_it_holds(tmp_path, content, said):
    torch.save(content, tmp_path / "seine.pt")
    with pytest.raises(CheckpointError, match=said):
        convert(tmp_path / "seine.pt", tmp_path / "converted", config=TINY)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    def change(weights):
        weights["conv_out.bias"] = torch.tensor([0, float("nan"), 0, 0])

    _changed(tmp_path / "seine.pt", change)
    with pytest.raises(CheckpointError, match=r"nan or infinity in conv_out\.bias"):
        convert(tmp_path / "seine.pt", tmp_path / "converted", config=TINY)


def test_no_folder_is_overwritten_and_no_file_invented(checkpoint, tmp_path):
    with pytest.raises(UnreadableFileError, match="is not a file"):
        convert(tmp_path / "none.pt", tmp_path / "converted", config=TINY)
    (tmp_path / "converted").mkdir()
    (tmp_path / "converted" / "mine").touch()
    with pytest.raises(OutputExistsError):
        convert(checkpoint, tmp_path / "converted", config=TINY)


def test_a_pickle_is_never_loaded_as_weights(checkpoint, tiny_sd_folder):
    with pytest.raises(CheckpointError, match=r"sequela convert seine\.pt"):
        load_seine(checkpoint, tiny_sd_folder)
    with pytest.raises(UnknownNameError, match="got none"):
        load_seine(checkpoint.parent, tiny_sd_folder)


def test_safetensors_of_something_else_are_refused(tmp_path, tiny_sd_folder):
    file = tmp_path / "seine.safetensors"
    save_file({"a": torch.zeros(1)}, file)
    with pytest.raises(CheckpointError, match="sequela-seine-1"):
        load_seine(file, tiny_sd_folder)
    file.write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="is damaged"):
        load_seine(file, tiny_sd_folder)


def test_a_converted_file_that_lost_a_tensor_is_refused(tmp_path, converted, tiny_sd_folder):
    with safe_open(converted, framework="pt") as stored:
        header = stored.metadata()
    tensors = load_file(converted)
    del tensors["conv_out.bias"]
    save_file(tensors, tmp_path / "seine.safetensors", metadata=header)
    with pytest.raises(CheckpointError, match=r"missing: conv_out\.bias"):
        load_seine(tmp_path, tiny_sd_folder)


def test_parts_of_another_model_are_refused(
    tmp_path, converted, tiny_sd_folder, tiny_grey_sd_folder
):
    with pytest.raises(CheckpointError, match="3 image channels"):
        load_seine(converted, tiny_grey_sd_folder)
    folder = shutil.copytree(tiny_sd_folder, tmp_path / "parts")
    shutil.rmtree(folder / "tokenizer")
    with pytest.raises(CheckpointError, match="tokenizer"):
        load_seine(converted, folder)
    shutil.rmtree(folder / "vae")
    with pytest.raises(CheckpointError, match="no weights in vae"):
        load_seine(converted, folder)


def test_only_codec_and_text_encoder_are_needed(tmp_path, converted, tiny_sd_folder):
    for part in ("vae", "text_encoder", "tokenizer"):
        shutil.copytree(tiny_sd_folder / part, tmp_path / "parts" / part)
    backbone = load_seine(converted, tmp_path / "parts", device="cpu")
    assert backbone.pixels_per_latent == 2
    assert backbone.card["kind"] == "seine"
    assert str(tmp_path) not in str(backbone.card)


def test_the_codec_scales_latents_as_stable_diffusion_1(converted, tiny_sd_folder):
    backbone = load_seine(converted, tiny_sd_folder, device="cpu")
    assert backbone.vae.config.scaling_factor == 0.18215
    images = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1
    posterior = backbone.encode(images)
    raw = backbone.vae.encode(images).latent_dist
    assert torch.allclose(posterior.mean, raw.mean * 0.18215, atol=1e-5)
    assert torch.allclose(posterior.std, raw.std * 0.18215, atol=1e-5)
    decoded = backbone.decode(posterior.mean)
    assert torch.allclose(decoded, backbone.vae.decode(raw.mean).sample, atol=1e-4)
