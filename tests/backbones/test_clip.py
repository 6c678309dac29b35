"""CLIP by name, on a tiny one that is built on the spot and written as published ones are."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from sequela.backbones.clip import clip_image, load_clip
from sequela.core import CheckpointError, InvalidInputError, UnknownNameError
from tests.backbones.tiny_models import tiny_tokenizer

SIDE = 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    words = tiny_tokenizer()
    ends = {
        f"{name}_token_id": getattr(words, f"{name}_token_id") for name in ("bos", "eos", "pad")
    }
    small = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    torch.manual_seed(0)
    network = CLIPModel(
        CLIPConfig(
            text_config={
                **small,
                **ends,
                "vocab_size": len(words),
                "max_position_embeddings": 16,
            },
            vision_config={**small, "image_size": SIDE, "patch_size": 8},
            projection_dim=12,
        )
    )
    path = tmp_path_factory.mktemp("clip") / "tiny-clip"
    network.save_pretrained(path)
    words.save_pretrained(path)
    size = {"height": SIDE, "width": SIDE}
    CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=size).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def clip(folder: Path):
    return load_clip(folder, device="cpu")


def picture(seed: int, height: int = 40, width: int = 50) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_vectors_are_those_of_transformers_own_call(clip, folder):
    from transformers import CLIPImageProcessorPil, CLIPModel

    pictures, texts = [picture(0), picture(1, 33, 32)], ["effusion", "clear"]
    shown = CLIPImageProcessorPil.from_pretrained(folder)(images=pictures, return_tensors="pt")
    told = clip.tokeniser(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        found = CLIPModel.from_pretrained(folder).eval()(**shown, **told)
    np.testing.assert_allclose(clip.embed_images(pictures), found.image_embeds, atol=1e-6)
    np.testing.assert_allclose(clip.embed_texts(texts), found.text_embeds, atol=1e-6)


def test_an_image_is_like_itself_and_more_like_a_noisy_copy_than_like_another(clip):
    noise = np.random.default_rng(9).integers(-4, 5, (40, 50, 3))
    noisy = np.clip(picture(0).astype(int) + noise, 0, 255).astype(np.uint8)
    vectors = clip.embed_images([picture(0), noisy, picture(1)])
    itself, copy, other = vectors @ vectors[0]
    assert itself == pytest.approx(1)
    assert other < copy < 1


def test_a_batch_gives_what_each_alone_gives(clip):
    pictures = [picture(i) for i in range(35)]
    np.testing.assert_allclose(
        clip.embed_images(pictures)[[0, 34]],
        np.concatenate([clip.embed_images([pictures[i]]) for i in (0, 34)]),
        atol=1e-6,
    )


def test_clip_i_pairs_first_and_last_states_and_names_its_backbone(clip):
    found = clip_image(clip, [picture(0), picture(1)], [picture(0), picture(2)])
    assert found.backbone == "tiny-clip"
    assert found.cosines[0] == pytest.approx(1)
    assert found.cosines[1] < 0.9999
    with pytest.raises(InvalidInputError, match="must pair up, got 1 and 2"):
        clip_image(clip, [picture(0)], [picture(0), picture(1)])


def test_long_texts_are_cut_and_do_not_fail(clip):
    assert clip.embed_texts(["pleural effusion " * 50]).shape == (1, 12)


def test_the_card_names_the_model_and_its_weights(clip):
    assert clip.name == clip.card["name"] == "tiny-clip"
    assert len(clip.card["sha256"]) == 64


def without(folder: Path, target: Path, *names: str) -> Path:
    shutil.copytree(folder, target)
    for name in names:
        (target / name).unlink()
    return target


def test_a_model_without_words_still_compares_images(folder, tmp_path):
    words = [f.name for f in folder.iterdir() if f.name.startswith(("vocab", "merges", "token"))]
    silent = load_clip(without(folder, tmp_path / "silent", *words), device="cpu")
    assert silent.embed_images([picture(0)]).shape == (1, 12)
    with pytest.raises(InvalidInputError, match="`texts` need a tokenizer"):
        silent.embed_texts(["effusion"])


def test_what_is_no_clip_is_refused_in_one_sentence(folder, tmp_path):
    other = without(folder, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "model_type": "sam"}))
    with pytest.raises(CheckpointError, match=r"must be a CLIP .* is sam"):
        load_clip(other)
    unread = without(folder, tmp_path / "unread", "preprocessor_config.json")
    with pytest.raises(CheckpointError, match=r"no preprocessor_config\.json"):
        load_clip(unread)
    with pytest.raises(UnknownNameError, match="neither a folder nor a hub id"):
        load_clip(tmp_path / "nowhere at all")


def test_pickled_weights_are_refused(folder, tmp_path):
    pickled = without(folder, tmp_path / "pickled", "model.safetensors")
    (pickled / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(CheckpointError, match="only pickled weights"):
        load_clip(pickled)
