"""What is refused while loading, and in which words."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from sequela.backbones import load_backbone
from sequela.core import CheckpointError, InvalidInputError, UnknownNameError
from tests.backbones.tiny_models import tiny_unet

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def folder(tmp_path, model_folders):
    return shutil.copytree(model_folders["sd"], tmp_path / "model")


def _change(file, change) -> None:
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, metadata={"format": "pt"})


def test_missing_surplus_and_reshaped_tensors_are_all_listed(folder):
    def change(tensors):
        del tensors["conv_in.weight"]
        tensors["conv_more.weight"] = torch.zeros(2)
        tensors["conv_out.bias"] = torch.zeros(7)

    _change(folder / UNET, change)
    with pytest.raises(CheckpointError) as error:
        load_backbone(folder)
    for part in ("missing: conv_in.weight", "surplus: conv_more.weight", "reshaped: conv_out.bias"):
        assert part in str(error.value)


def test_a_text_encoder_with_a_missing_tensor_is_refused_too(folder):
    def change(tensors):
        del tensors[next(name for name in tensors if "final_layer_norm.weight" in name)]

    _change(folder / "text_encoder/model.safetensors", change)
    with pytest.raises(CheckpointError, match=r"text_encoder.*missing: .*final_layer_norm"):
        load_backbone(folder)


def test_pickled_weights_are_never_loaded(folder):
    (folder / UNET).unlink()
    torch.save({"conv_in.weight": torch.zeros(1)}, folder / "unet/diffusion_pytorch_model.bin")
    with pytest.raises(CheckpointError, match="Pickled weights are never loaded"):
        load_backbone(folder)


def test_a_single_checkpoint_file_is_answered_with_how_to_convert_it(tmp_path):
    (tmp_path / "model.ckpt").write_bytes(b"x")
    for model in (tmp_path / "model.ckpt", tmp_path):
        with pytest.raises(CheckpointError, match="save_pretrained"):
            load_backbone(model)


def test_damaged_weights_are_one_sentence(folder):
    (folder / UNET).write_bytes((folder / UNET).read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="damaged or foreign weights in unet"):
        load_backbone(folder)


@pytest.mark.parametrize("part", ["vae", "tokenizer", "scheduler"])
def test_a_model_without_one_of_its_parts_is_one_sentence(folder, part):
    shutil.rmtree(folder / part)
    with pytest.raises(CheckpointError, match=part):
        load_backbone(folder)


def test_a_folder_that_holds_no_model_is_one_sentence(tmp_path):
    with pytest.raises(CheckpointError, match=r"no model_index\.json"):
        load_backbone(tmp_path)


def test_another_pipeline_is_named(folder):
    index = json.loads((folder / "model_index.json").read_text())
    index["_class_name"] = "KandinskyPipeline"
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="got a KandinskyPipeline"):
        load_backbone(folder)


def test_an_inpainting_network_is_refused_with_its_channels(folder):
    tiny_unet(in_channels=9).save_pretrained(folder / "unet")
    with pytest.raises(CheckpointError, match="a denoiser for 9"):
        load_backbone(folder)


@pytest.mark.parametrize("name", ["no-such-model", "./nowhere", "a/b/c"])
def test_a_name_that_is_no_folder_and_no_hub_id_is_not_asked_for(name):
    with pytest.raises(UnknownNameError, match="neither a folder nor a hub id"):
        load_backbone(name)


def test_a_hub_id_without_network_is_one_sentence(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="could not be fetched from the hub"):
        load_backbone("nobody/no-such-model")


def test_half_precision_weights_compute_in_float32_on_a_cpu(folder):
    def halve(tensors):
        tensors |= {name: tensor.half() for name, tensor in tensors.items()}

    _change(folder / UNET, halve)
    backbone = load_backbone(folder, device="cpu")
    assert {p.dtype for p in backbone.denoiser.network.parameters()} == {torch.float32}


def test_a_model_of_which_only_the_half_precision_variant_is_there_loads(folder):
    (folder / UNET).rename(folder / "unet/diffusion_pytorch_model.fp16.safetensors")
    assert load_backbone(folder).image_size == 32


@pytest.mark.parametrize("variant", [None, "fp16"])
def test_weights_split_into_shards_load_whole(folder, variant):
    plain = load_backbone(folder)
    (folder / UNET).unlink()
    network = plain.denoiser.network
    network.save_pretrained(folder / "unet", max_shard_size="100KB", variant=variant)
    assert len(list((folder / "unet").glob("*.safetensors"))) > 2
    sharded = load_backbone(folder).denoiser.network.state_dict()
    whole = network.state_dict()
    assert sharded.keys() == whole.keys()
    assert all(torch.equal(sharded[name], tensor) for name, tensor in whole.items())


def test_the_card_names_licence_and_hash_and_no_folder_of_this_machine(folder):
    before = load_backbone(folder).card
    (folder / "README.md").write_text("---\nlicense: creativeml-openrail-m\n---\n# Model\n")
    assert load_backbone(folder).card == before | {"licence": "creativeml-openrail-m"}
    (folder / "card.json").write_text(json.dumps({"licence": "CC0-1.0", "source": "here"}))
    assert load_backbone(folder).card == before | {"licence": "CC0-1.0", "source": "here"}
    assert str(folder.parent) not in str(before)
    _change(folder / UNET, lambda tensors: tensors["conv_in.bias"].add_(1))
    assert load_backbone(folder).card["sha256"] != before["sha256"]


def test_devices_and_precisions_that_do_not_work_are_refused(folder):
    with pytest.raises(UnknownNameError, match="`device` 'abacus'"):
        load_backbone(folder, device="abacus")
    with pytest.raises(InvalidInputError, match="must be present"):
        load_backbone(folder, device="cuda:99")
    with pytest.raises(InvalidInputError, match="must be float32 on a CPU"):
        load_backbone(folder, device="cpu", dtype="float16")
    with pytest.raises(UnknownNameError, match="`dtype`"):
        load_backbone(folder, dtype="int4")
