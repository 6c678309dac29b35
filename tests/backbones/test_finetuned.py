"""Fine-tuned networks and LoRAs take the place of the model's own denoiser."""

import shutil
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from sequela.backbones import load_backbone
from sequela.core import CheckpointError, MissingExtraError, UnknownNameError
from tests.backbones.tiny_models import tiny_unet

LATENTS = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))


def _output(backbone) -> torch.Tensor:
    return backbone.denoise(LATENTS, 500, backbone.embed(["edema"]))


@pytest.fixture(scope="module")
def finetuned():
    torch.manual_seed(5)
    return tiny_unet()


@pytest.mark.parametrize("place", ["unet", "text_encoder", "."])
def test_a_finetuned_network_is_found_wherever_training_put_it(
    place, tmp_path, finetuned, model_folders
):
    finetuned.save_pretrained(tmp_path / place)
    changed = load_backbone(model_folders["sd"], unet=tmp_path)
    plain = load_backbone(model_folders["sd"])
    theirs = finetuned.eval()(LATENTS, 500, plain.embed(["edema"]).tokens).sample
    torch.testing.assert_close(_output(changed), theirs.detach())
    assert changed.card["sha256"] != plain.card["sha256"]


def test_a_text_encoder_is_not_taken_for_a_network(model_folders, tmp_path):
    shutil.copytree(model_folders["sd"] / "text_encoder", tmp_path / "text_encoder")
    with pytest.raises(CheckpointError, match="holds no UNet2DConditionModel"):
        load_backbone(model_folders["sd"], unet=tmp_path)


def test_a_finetuned_network_in_pickles_is_refused(model_folders, tmp_path):
    shutil.copytree(model_folders["sd"] / "unet", tmp_path / "unet")
    (tmp_path / "unet/diffusion_pytorch_model.safetensors").rename(tmp_path / "unet/weights.bin")
    for path in (tmp_path, tmp_path / "unet" / "weights.bin"):
        with pytest.raises(CheckpointError, match="Pickled weights are never loaded"):
            load_backbone(model_folders["sd"], unet=path)


def test_a_finetuned_network_that_is_not_there_is_one_sentence(model_folders, tmp_path):
    with pytest.raises(UnknownNameError, match="does not exist"):
        load_backbone(model_folders["sd"], unet=tmp_path / "nowhere")


def _lora_of(network, seed=0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, module in network.named_modules():
        if name.endswith(("attn1.to_q", "attn2.to_k")):
            wide, high = module.weight.shape[1], module.weight.shape[0]
            state[f"unet.{name}.lora_A.weight"] = torch.randn(2, wide, generator=generator)
            state[f"unet.{name}.lora_B.weight"] = torch.randn(high, 2, generator=generator)
    return state


def _merged_by_hand(backbone, state) -> None:
    weights = dict(backbone.denoiser.network.named_parameters())
    for name, down in state.items():
        if name.endswith("lora_A.weight"):
            up = state[name.replace("lora_A", "lora_B")]
            layer = name.removeprefix("unet.").removesuffix(".lora_A.weight")
            weights[f"{layer}.weight"].data += up @ down


@pytest.mark.parametrize("prefixed", [True, False])
def test_a_lora_is_merged_into_the_weights(prefixed, tmp_path, model_folders):
    by_hand = load_backbone(model_folders["sd"])
    state = _lora_of(by_hand.denoiser.network)
    written = state if prefixed else {k.removeprefix("unet."): v for k, v in state.items()}
    save_file(written, tmp_path / "pytorch_lora_weights.safetensors")
    before = _output(by_hand)
    _merged_by_hand(by_hand, state)
    assert not torch.allclose(before, _output(by_hand), atol=1e-3)
    for unet in (tmp_path, tmp_path / "pytorch_lora_weights.safetensors"):
        merged = load_backbone(model_folders["sd"], unet=unet)
        torch.testing.assert_close(_output(merged), _output(by_hand), rtol=1e-4, atol=1e-5)


def test_a_lora_of_the_kohya_scripts_is_merged_with_its_alpha(tmp_path, model_folders):
    by_hand = load_backbone(model_folders["sd"])
    state, written = _lora_of(by_hand.denoiser.network), {}
    for name, tensor in state.items():
        layer, part = name.removeprefix("unet.").removesuffix(".weight").rsplit(".", 1)
        base = "lora_unet_" + layer.replace(".", "_")
        written[f"{base}.lora_{'down' if part == 'lora_A' else 'up'}.weight"] = tensor
        written[f"{base}.alpha"] = torch.tensor(1.0)
        if part == "lora_B":
            state[name] = tensor / 2  # alpha 1 over rank 2
    save_file(written, tmp_path / "kohya.safetensors")
    _merged_by_hand(by_hand, state)
    merged = load_backbone(model_folders["sd"], unet=tmp_path / "kohya.safetensors")
    torch.testing.assert_close(_output(merged), _output(by_hand), rtol=1e-4, atol=1e-5)


def test_a_lora_without_peft_names_the_extra(tmp_path, model_folders, monkeypatch):
    save_file({"unet.x.lora_A.weight": torch.zeros(2, 2)}, tmp_path / "lora.safetensors")
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError, match=r"sequela\[lora\]"):
        load_backbone(model_folders["sd"], unet=tmp_path / "lora.safetensors")


def test_a_lora_for_another_network_is_refused(tmp_path, model_folders):
    foreign = {
        "unet.nowhere.to_q.lora_A.weight": torch.zeros(2, 2),
        "unet.nowhere.to_q.lora_B.weight": torch.zeros(2, 2),
    }
    save_file(foreign, tmp_path / "lora.safetensors")
    with pytest.raises(CheckpointError, match="Take a LoRA trained on the same family"):
        load_backbone(model_folders["sd"], unet=tmp_path / "lora.safetensors")


def test_a_lora_that_changes_the_text_encoder_too_is_refused(tmp_path, model_folders):
    state = {"text_encoder.layer.lora_A.weight": torch.zeros(2, 2)}
    save_file(state, tmp_path / "lora.safetensors")
    with pytest.raises(CheckpointError, match="also changes text_encoder"):
        load_backbone(model_folders["sd"], unet=tmp_path / "lora.safetensors")


def test_a_bare_safetensors_file_that_is_no_lora_is_refused(tmp_path, model_folders):
    weights = load_file(model_folders["sd"] / "unet/diffusion_pytorch_model.safetensors")
    save_file(weights, tmp_path / "unet.safetensors")
    with pytest.raises(CheckpointError, match="neither a LoRA"):
        load_backbone(model_folders["sd"], unet=tmp_path / "unet.safetensors")
