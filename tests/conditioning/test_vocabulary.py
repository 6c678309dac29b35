"""Names of findings, their prompts, and regions drawn on another grid."""

import numpy as np
import pytest

from sequela.conditioning import CHEST, FUNDUS, SKIN, place_region
from sequela.core import GeometryMismatchError, Region, UnknownNameError
from tests.simulators.scans import drawn


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("pneumonia", "Pneumonia"),
        ("Pleural  Effusion", "Effusion"),
        ("covid-19", "COVID-19"),
        ("no_finding", "No Finding"),
        ("healthy", "No Finding"),
    ],
)
def test_synonyms_lead_to_one_name(said, meant):
    assert CHEST.canonical(said) == meant


def test_a_near_miss_is_suggested_and_never_guessed():
    with pytest.raises(UnknownNameError, match="Did you mean 'Pneumonia'"):
        CHEST.canonical("pnuemonia")


def test_prompts_have_the_published_form():
    assert CHEST.prompt(["Edema", "Cardiomegaly"]) == "A chest X-ray image,Cardiomegaly,Edema"
    assert CHEST.prompt([]) == "A chest X-ray image,"


def test_captions_are_what_the_published_loaders_write():
    assert CHEST.caption([]) == "A chest X-ray image,"
    assert FUNDUS.caption([]) == "A retinopathy image,healthy"
    assert SKIN.caption([]) == "An image of skin,melanocytic nevi"
    assert SKIN.caption(["melanoma"]) == "An image of skin,melanoma"
    # sorted while the effusion is still called pleural
    assert CHEST.caption(["Effusion", "Edema", "Fracture"]).endswith(",Edema,Fracture,Effusion")


def test_labels_that_no_model_knows_cannot_be_asked_for():
    assert not set(CHEST.further) & set(CHEST.names)
    for name in CHEST.further:
        with pytest.raises(UnknownNameError):
            CHEST.canonical(name)


def test_a_region_of_the_same_shape_ratio_is_resampled_and_told():
    scan = drawn((100, 80))
    half = np.zeros((50, 40), np.float32)
    half[:25] = 1
    placed, notice = place_region(Region(array=half, origin="half.png"), scan)
    assert placed.array.shape == (100, 80)
    assert placed.array[:45].min() > 0.99
    assert placed.array[55:].max() < 0.01
    assert "half.png" in notice
    assert "40x50" in notice


def test_a_region_of_another_shape_ratio_is_refused():
    region = Region(array=np.ones((50, 50), np.float32), origin="square.png")
    with pytest.raises(GeometryMismatchError, match="never"):
        place_region(region, drawn((100, 80)))
