"""Loading SAM, MedSAM and SAM 2 folders: what is read, what is refused, what the network sees."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sequela.backbones.segment_anything import draw, load_segment_anything
from sequela.backbones.segment_frame import SegmentFrame
from sequela.core import CheckpointError, UnknownNameError
from tests.backbones.tiny_segment import SIDE, change_json, tiny_sam, tiny_sam2

MAKERS = {"sam": tiny_sam, "sam2": tiny_sam2}


@pytest.fixture(scope="module", params=sorted(MAKERS))
def folder(request, tmp_path_factory):
    return MAKERS[request.param](tmp_path_factory.mktemp("models") / f"tiny-{request.param}")


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / folder.name)


def picture(height=50, width=40):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (height, width, 3)).astype(np.uint8)


def test_the_family_and_the_hash_of_the_weights_are_told(folder):
    model = load_segment_anything(folder, device="cpu")
    assert model.name == folder.name
    assert f"tiny-{model.family}" == folder.name
    assert len(model.card["sha256"]) == 64
    assert not any(p.requires_grad for p in model.network.parameters())


def test_a_box_gives_the_masks_that_transformers_own_forward_pass_gives(folder):
    model = load_segment_anything(folder, device="cpu")
    pixels, frame = model.reader(picture())
    box = frame.boxes(torch.tensor([[3.0, 4.0, 30.0, 41.0]]))
    features, _ = model.encode(picture())
    masks, scores = draw(
        model.network.mask_decoder, features, model.positions(), model.prompt(box), several=True
    )
    with torch.no_grad():
        direct = model.network(pixel_values=pixels, input_boxes=box[None], multimask_output=True)
    assert masks.shape == (1, 3, model.coarse, model.coarse)
    torch.testing.assert_close(masks, direct.pred_masks[:, 0])
    torch.testing.assert_close(scores, direct.iou_scores[:, 0])


def test_sam_is_prompted_as_its_own_processor_prompts_it(tmp_path):
    from transformers import SamImageProcessorPil, SamProcessor

    model = load_segment_anything(tiny_sam(tmp_path / "sam"), device="cpu")
    own = SamProcessor(SamImageProcessorPil.from_pretrained(tmp_path / "sam"))
    last_pixels = [3.0, 4.0, 29.0, 40.0]  # of a box that ends, open, at 30 and 41
    made = own(
        picture(), input_boxes=[[last_pixels]], input_points=[[[7.0, 9.0]]], return_tensors="pt"
    )
    pixels, frame = model.reader(picture())
    box = frame.boxes(torch.tensor([[3.0, 4.0, 30.0, 41.0]]))
    torch.testing.assert_close(pixels, made["pixel_values"])
    torch.testing.assert_close(box, made["input_boxes"][0].float())
    points = frame.points(torch.tensor([[7.0, 9.0]]))
    torch.testing.assert_close(points, made["input_points"][0, 0].float())
    square = torch.randn(1, 32, 32)
    theirs = own.post_process_masks(
        [square[None]], made["original_sizes"], made["reshaped_input_sizes"], binarize=False
    )
    torch.testing.assert_close(frame.back(square), theirs[0][0])


def test_sam_2_sees_the_picture_stretched_and_normalised(tmp_path):
    model = load_segment_anything(tiny_sam2(tmp_path / "sam2"), device="cpu")
    grey = np.full((20, 40, 3), 128, np.uint8)
    pixels, frame = model.reader(grey)
    assert pixels.shape == (1, 3, SIDE, SIDE)
    assert frame.inner == (SIDE, SIDE)
    expected = (128 / 255 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor(
        [0.229, 0.224, 0.225]
    )
    torch.testing.assert_close(pixels[0, :, 5, 60], expected)


@pytest.mark.parametrize("inner", [(64, 51), (64, 64), (40, 64)])
def test_a_mask_laid_out_for_the_network_comes_back_where_it_was(inner):
    space = (150, 120)
    frame = SegmentFrame(space=space, inner=inner, side=64)
    mask = torch.zeros(1, *space)
    mask[:, 30:100, 20:80] = 1
    back = frame.back(frame.forward(mask, 32)) > 0.5
    overlap = 2 * (back & (mask > 0.5)).sum() / (back.sum() + mask.sum())
    assert overlap > 0.94


def test_the_learned_decoder_is_saved_as_a_folder_that_loads_again(folder, tmp_path):
    model = load_segment_anything(folder, device="cpu")
    decoder = model.trainable_decoder()
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(0.01)
    model.save(decoder, tmp_path / "learned", card={"licence": "mine"})
    again = load_segment_anything(tmp_path / "learned", device="cpu")
    assert again.box_only
    assert not model.box_only
    assert again.card["licence"] == "mine"
    assert str(folder.parent) not in (tmp_path / "learned" / "config.json").read_text()
    saved, learned = again.network.state_dict(), decoder.state_dict()
    assert all(torch.equal(saved[f"mask_decoder.{key}"], learned[key]) for key in learned)
    others = [key for key in saved if not key.startswith("mask_decoder.")]
    assert all(torch.equal(saved[key], model.network.state_dict()[key]) for key in others)


def test_a_folder_named_as_medsam_follows_boxes_alone(tmp_path):
    assert load_segment_anything(tiny_sam(tmp_path / "medsam-vit-base"), device="cpu").box_only


def test_a_folder_without_config_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"holds no config\.json"):
        load_segment_anything(tmp_path)


def test_another_kind_of_model_is_named(copied):
    change_json(copied / "config.json", model_type="clip")
    with pytest.raises(CheckpointError, match=r"is a clip\. Take SAM, MedSAM or SAM 2 weights"):
        load_segment_anything(copied)


def test_pickled_weights_are_refused_unread(copied):
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="only pickled weights"):
        load_segment_anything(copied)


def test_a_folder_without_weights_is_named(copied):
    (copied / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="no weights"):
        load_segment_anything(copied)


def test_missing_tensors_are_listed(copied):
    weights = load_file(copied / "model.safetensors")
    del weights["mask_decoder.iou_token.weight"]
    save_file(weights, copied / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"missing: mask_decoder\.iou_token\.weight"):
        load_segment_anything(copied)


def test_a_folder_without_its_processor_is_named(copied):
    for name in ("preprocessor_config.json", "processor_config.json"):
        (copied / name).unlink(missing_ok=True)
    with pytest.raises(CheckpointError, match=r"no preprocessor_config\.json"):
        load_segment_anything(copied)


def test_a_processor_of_another_size_is_refused(copied):
    side = {"height": 128, "width": 128}
    settings = {"size": side if "sam2" in copied.name else {"longest_edge": 128}, "pad_size": side}
    (copied / "preprocessor_config.json").write_text(json.dumps(settings))
    with pytest.raises(CheckpointError, match="reads pictures of 64 pixels"):
        load_segment_anything(copied)


@pytest.mark.parametrize("settings", [{"size": {"depth": 64}}, {"image_mean": "grey", "size": 3}])
def test_a_processor_that_makes_no_sense_is_refused(copied, settings):
    (copied / "preprocessor_config.json").write_text(json.dumps(settings))
    with pytest.raises(CheckpointError, match="`model`"):
        load_segment_anything(copied)


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnknownNameError, match="neither a folder nor a hub id"):
        load_segment_anything(tmp_path / "nowhere")


def test_a_single_pickled_file_is_refused(tmp_path):
    (tmp_path / "medsam_vit_b.pth").write_bytes(b"pickle")
    with pytest.raises(CheckpointError, match="must be a folder in transformers' layout"):
        load_segment_anything(tmp_path / "medsam_vit_b.pth")
