"""Captions tell bright spots where filters see more than in healthy retinas."""

import pytest
import torch

from sequela.backbones.build import build_autoencoder
from sequela.checkpoints import save_autoencoder
from sequela.core import InvalidInputError
from sequela.training.data import ImageSet
from sequela.training.exudates import with_exudates
from sequela.training.objectives.latent_diffusion import LatentDiffusionObjective
from sequela.training.recipe import DataSettings, DiffusionNetwork, OptimiserSettings, Recipe
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


def test_captions_of_a_diffusion_training_tell_them(tmp_path):
    codec = build_autoencoder(
        widths=(8, 16), latent_channels=4, layers_per_level=1, channels=3, image_size=128
    )
    save_autoencoder(codec, tmp_path / "autoencoder" / "model", scaling_factor=1.0)
    network = DiffusionNetwork(
        widths=(16, 16), heads=2, text_width=16, text_layers=1, variants=1, caption_dropout=0.0
    )
    recipe = Recipe(
        name="tiny",
        objective="latent-diffusion",
        data=SETTINGS,
        network=network,
        optimiser=OptimiserSettings(steps=1),
    )
    train = images(*HEALTHY, (MANY, (), "own"))

    objective = LatentDiffusionObjective(recipe, train, train, tmp_path / "out")

    generator = torch.Generator().manual_seed(0)
    assert objective.caption(objective.train, 10, generator).endswith("exudates")
    assert "exudates" not in objective.caption(objective.train, 0, generator)
