"""Bundled models: whole, small, and with a card that says what it must."""

import pytest
from PIL import Image

import sequela
from sequela.checkpoints import bundled_models, find_model, model_for
from sequela.core import UnknownNameError

MODELS = bundled_models()


def test_the_default_model_is_bundled():
    assert model_for("chest") in MODELS


@pytest.mark.parametrize("name", sorted(MODELS))
def test_each_card_tells_data_licence_measurements_and_limits(name):
    card = MODELS[name].card
    for key in ("summary", "licence", "source", "limits", "data", "training", "held_out"):
        assert card[key], key
    near = card["memorisation"]
    assert near["samples"]["maximum"] <= near["real test films"]["maximum"]


def test_the_models_fit_their_budgets():
    budgets_mb = {"chest-mini": 14}
    assert all(model.size_mb <= budgets_mb[name] for name, model in MODELS.items())


def test_no_shard_is_too_large_for_a_git_host():
    for model in MODELS.values():
        assert all(f.stat().st_size <= 15 * 2**20 for f in model.folder.rglob("*.safetensors"))


def test_a_misspelt_model_is_suggested():
    with pytest.raises(UnknownNameError, match="Did you mean 'chest-mini'"):
        find_model("chest-mni")


def test_the_example_patient_says_that_it_is_synthetic():
    path = MODELS["chest-mini"].folder.parents[1] / "examples" / "chest.png"
    with Image.open(path) as image:
        assert image.info["synthetic"] == "true"
    assert sequela.read(path).space == (512, 512)
