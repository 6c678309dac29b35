"""Captions tell bright spots where filters see more than in healthy retinas."""

from dataclasses import replace

import pytest
import torch

from sequela.backbones.build import build_autoencoder
from sequela.checkpoints import save_autoencoder
from sequela.core import InvalidInputError
from sequela.training.data import ImageSet
from sequela.training.exudates import with_exudates
from sequela.training.image_settings import DiffusionNetwork
from sequela.training.objectives.latent_diffusion import LatentDiffusionObjective
from sequela.training.recipe import DataSettings, OptimiserSettings, Recipe
from tests.nn.test_lesion_filters import drawn, with_spot

SETTINGS = DataSettings(
    sets=("fundus",), domain="fundus", channels=3, caption_views=("other",), tells_exudates=True
)
NONE, FEW, MANY = (
    drawn(),
    with_spot(drawn(), 0.1),
    with_spot(with_spot(drawn(), 0.5), 0.5, row=50),
)


def images(*cases: tuple[torch.Tensor, tuple[str, ...] | None, str]) -> ImageSet:
    pictures, findings, views = zip(*cases, strict=True)
    return ImageSet(images=torch.cat(pictures), findings=findings, views=views)


HEALTHY = [(NONE, (), "own")] * 9 + [(FEW, (), "own")]


def test_only_images_with_more_bright_spots_than_nine_of_ten_healthy_ones_are_told():
    train = images(*HEALTHY, (MANY, ("diabetic",), "own"), (NONE, ("diabetic",), "other"))
    held_out = images((MANY, ("diabetic", "severe"), "other"), (NONE, (), "own"))

    told, told_held_out = with_exudates(train, held_out, SETTINGS)

    assert told.findings[:9] == ((),) * 9
    assert told.findings[9:] == (("exudates",), ("diabetic", "exudates"), ("diabetic",))
    assert told_held_out.findings == (("diabetic", "severe", "exudates"), ())
    assert told.images is train.images


def test_cameras_that_captions_name_do_not_set_the_measure():
    train = images(*HEALTHY, *[(MANY, (), "other")] * 30)

    told, _ = with_exudates(train, train, SETTINGS)

    assert told.findings[10:] == (("exudates",),) * 30


def test_unlabelled_images_stay_unlabelled():
    train = images(*HEALTHY, (MANY, None, "own"))

    assert with_exudates(train, train, SETTINGS)[0].findings[-1] is None


def test_without_a_healthy_image_it_is_refused():
    ill = images((MANY, ("diabetic",), "own"))
    with pytest.raises(InvalidInputError, match="needs healthy training images"):
        with_exudates(ill, ill, SETTINGS)


@pytest.mark.parametrize("other", [{"channels": 1}, {"domain": "chest"}])
def test_it_is_for_retinas_in_colour(other):
    settings = {"sets": ("fundus",), "domain": "fundus", "channels": 3, **other}
    with pytest.raises(InvalidInputError, match="for retinas in colour"):
        DataSettings(**settings, tells_exudates=True)


@pytest.fixture
def recipe(tmp_path):
    codec = build_autoencoder(
        widths=(8, 16), latent_channels=4, layers_per_level=1, channels=3, image_size=128
    )
    save_autoencoder(codec, tmp_path / "autoencoder" / "model", scaling_factor=1.0)
    network = DiffusionNetwork(
        widths=(16, 16), heads=2, text_width=16, text_layers=1, variants=1, caption_dropout=0.0
    )
    return Recipe(
        name="tiny",
        objective="latent-diffusion",
        data=SETTINGS,
        network=network,
        optimiser=OptimiserSettings(steps=1),
    )


def test_captions_of_a_diffusion_training_tell_them(recipe, tmp_path):
    train = images(*HEALTHY, (MANY, (), "own"))

    objective = LatentDiffusionObjective(recipe, train, train, tmp_path / "out")

    generator = torch.Generator().manual_seed(0)
    assert objective.caption(objective.train, 10, generator).endswith("exudates")
    assert "exudates" not in objective.caption(objective.train, 0, generator)


def test_errors_at_bright_spots_can_count_more(recipe, tmp_path):
    network = replace(recipe.network, patch_components=12, spot_weight=30.0)
    train = images(*HEALTHY, (MANY, (), "own"))
    objective = LatentDiffusionObjective(
        replace(recipe, network=network), train, train, tmp_path / "out"
    )

    given = objective.batch(32, torch.Generator().manual_seed(0), 0)

    attention = given[4]
    assert attention.shape == (32, 1, 32, 32)
    at_spot = attention[:, 0, 70 // 4, 84 // 4]
    has_spot = at_spot > 2
    assert 0 < int(has_spot.sum()) < 16  # one image of eleven has
    assert float(at_spot[has_spot].min()) > 20
    assert float(attention[has_spot, 0, 70 // 4 + 1, 84 // 4].min()) > 20  # borders
    assert float(attention[~has_spot].mean()) < 1.3
    plain, doubled = given[:4], (*given[:4], 2 * torch.ones_like(given[4]))
    loss, error = (objective.networks(*plain)[name] for name in ("loss", "error"))
    told = objective.networks(*doubled)
    torch.testing.assert_close(told["loss"], 2 * loss)
    torch.testing.assert_close(told["error"], error)


def test_only_retinas_have_spots_that_count(recipe):
    with pytest.raises(InvalidInputError, match="`spot_weight` is for retinas in colour"):
        replace(
            recipe,
            data=DataSettings(sets=("cxr-nih",)),
            network=replace(recipe.network, spot_weight=1.0),
        )
    with pytest.raises(InvalidInputError, match="`spot_weight` must be"):
        replace(recipe.network, spot_weight=-1.0)
