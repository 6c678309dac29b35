"""Recipes: what is read, and what is refused in one sentence."""

from pathlib import Path

import pytest

from sequela.core import InvalidInputError, UnknownNameError, UnreadableFileError
from sequela.training import read_recipe
from sequela.training.image_settings import DiffusionNetwork
from sequela.training.loop import learning_rate_share
from sequela.training.recipe import DataSettings, OptimiserSettings, Recipe
from tests.training.conftest import AUTOENCODER

ROOT = Path(__file__).parents[2]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.toml")), ids=lambda p: p.stem)
def test_every_recipe_in_the_repository_reads(path):
    assert read_recipe(path).optimiser.steps > 0


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (("batch_size", "bach_size"), InvalidInputError, "bach_size"),
        (("steps = 4", "steps = 0"), InvalidInputError, "`steps` must be a whole number"),
        (('"autoencoder"', '"autoencodr"'), UnknownNameError, "Did you mean 'autoencoder'"),
        (("[data]", "[data"), InvalidInputError, "not valid TOML"),
        (("steps = 4", ""), InvalidInputError, "incomplete"),
    ],
)
def test_a_wrong_recipe_is_refused(tmp_path, change, error, words):
    text = AUTOENCODER.format(steps=4, checkpoint=9).replace(*change)
    with pytest.raises(error, match=words):
        read_recipe(written(tmp_path, text))


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(UnreadableFileError, match=r"nowhere\.toml"):
        read_recipe(tmp_path / "nowhere.toml")


def test_the_learning_rate_warms_up_and_ends_at_zero():
    settings = OptimiserSettings(steps=110, warmup_steps=10)
    shares = [learning_rate_share(step, settings) for step in (0, 4, 9, 60, 110)]
    assert shares == pytest.approx([0.1, 0.5, 1.0, 0.5, 0.0])


def test_a_codec_of_patches_has_fewer_components_than_a_patch_has_numbers():
    data = DataSettings(sets=("cxr-nih",), channels=1)
    with pytest.raises(InvalidInputError, match="`patch_components` must be under 16"):
        Recipe(
            name="tiny",
            objective="latent-diffusion",
            data=data,
            network=DiffusionNetwork(patch_components=16),
            optimiser=OptimiserSettings(steps=1),
        )
    with pytest.raises(InvalidInputError, match="in place of `autoencoder`"):
        DiffusionNetwork(patch_components=4, autoencoder="elsewhere")
