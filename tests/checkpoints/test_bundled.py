"""Bundled models: whole, small, and with a card that says what it must."""

from pathlib import Path

import pytest
from PIL import Image

import sequela
from sequela.checkpoints import bundled_models, find_model, model_for, preset_of
from sequela.core import UnknownNameError
from sequela.simulators.editing import PRESETS
from sequela.training import read_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
MODELS = bundled_models()


def test_the_default_model_is_bundled():
    assert model_for("chest") in MODELS


@pytest.mark.parametrize("name", sorted(MODELS))
def test_each_card_tells_data_licence_measurements_and_limits(name):
    card = MODELS[name].card
    for key in ("summary", "licence", "source", "limits", "data", "training", "held_out"):
        assert card[key], key
    # in pixels, smooth images of one colour are all alike: only the embedding tells copies
    assert card["memorisation"]["embedding"]["samples"]["suspected"] <= 0.1


def test_a_card_chooses_the_preset_unless_one_is_named():
    assert preset_of("chest-mini") == "fast"
    assert sequela.load(model="chest-mini").settings == PRESETS["fast"]
    assert sequela.load(model="fundus-mini").settings == PRESETS["gentle"]
    assert sequela.load(model="chest-mini", preset_name="steady").settings == PRESETS["steady"]


def test_a_model_whose_card_names_none_walks_steadily():
    assert preset_of("skin-mini") is None
    assert sequela.load(model="skin-mini", strength=0.4).settings == PRESETS["steady"].changed(
        strength=0.4
    )


def test_the_models_fit_their_budgets():
    budgets_mib = {"chest-mini": 14, "fundus-mini": 8, "skin-mini": 10}
    assert all(m.size_mb * 1e6 <= budgets_mib[name] * 2**20 for name, m in MODELS.items())


def test_no_shard_is_too_large_for_a_git_host():
    for model in MODELS.values():
        assert all(f.stat().st_size <= 15 * 2**20 for f in model.folder.rglob("*.safetensors"))


def test_a_misspelt_model_is_suggested():
    with pytest.raises(UnknownNameError, match="Did you mean 'chest-mini'"):
        find_model("chest-mni")


def test_the_example_patient_lies_farther_from_training_films_than_copies_would():
    for space in ("pixels", "embedding"):
        assert MODELS["chest-mini"].card["memorisation"][space]["example"]["suspected"] == 0


def test_the_judges_and_finders_fit_their_budget():
    root = MODELS["chest-mini"].folder.parent
    assert sum(f.stat().st_size for f in root.glob("*/model.safetensors")) <= 5e6


def test_the_skin_judge_learned_from_other_patients_than_all_else():
    asked = {
        name: read_recipe(RECIPES / f"{name}.toml").data.patients
        for name in ("colour-mini-autoencoder", "skin-mini", "skin-classifier", "skin-judge")
    }
    assert asked.pop("skin-judge") == "judge"
    assert set(asked.values()) == {"generator"}


def test_the_example_patient_says_that_it_is_synthetic():
    path = MODELS["chest-mini"].folder.parents[1] / "examples" / "chest.png"
    with Image.open(path) as image:
        assert image.info["synthetic"] == "true"
    assert sequela.read(path).space == (512, 512)
