"""Images given as another domain are named; images of the domain pass."""

import numpy as np
import pytest

from sequela.conditioning import check_domain, looks_like
from sequela.core import UnknownNameError
from tests.conditioning.photographs import photograph, retina, skin
from tests.conditioning.test_auto_region import film, phantom

FILM = film(phantom()[0])
IMAGES = {
    "chest": FILM,
    "fundus": photograph(retina()),
    "skin": photograph(skin()),
}


@pytest.mark.parametrize("domain", IMAGES)
def test_an_image_of_the_domain_passes_and_ranks_first(domain):
    assert check_domain(IMAGES[domain], domain) is None
    likeness = looks_like(IMAGES[domain])
    assert likeness.ranking[0][0] == domain
    assert likeness.chest + likeness.fundus + likeness.skin == pytest.approx(1)


@pytest.mark.parametrize(
    ("given", "asked", "words"),
    [
        ("fundus", "chest", "photo.png looks like a fundus photograph, not like a chest X-ray"),
        ("fundus", "skin", "photo.png looks like a fundus photograph, not like a dermoscopy"),
        ("skin", "chest", "photo.png looks like a dermoscopy, not like a chest X-ray"),
        ("skin", "fundus", "photo.png looks like a dermoscopy, not like a fundus photograph"),
        ("chest", "fundus", "phantom.png looks like a chest X-ray, not like a fundus photograph"),
        ("chest", "skin", "phantom.png looks like a chest X-ray, not like a dermoscopy"),
    ],
)
def test_an_image_of_another_domain_is_named(given, asked, words):
    assert check_domain(IMAGES[given], asked) == f"{words}."


@pytest.mark.parametrize("tint", [(1, 1, 1), (1, 0.9, 0.7), (0.8, 0.9, 1)])
def test_a_film_saved_in_three_channels_passes_whatever_its_tint(tint):
    tinted = np.round(phantom()[0][..., None] * np.array(tint)).astype(np.uint8)
    assert check_domain(film(tinted), "chest") is None


def test_a_film_with_a_coloured_arrow_passes():
    marked = np.repeat(phantom()[0][..., None], 3, axis=-1)
    marked[100:104, 40:80] = (255, 0, 0)
    assert check_domain(film(marked), "chest") is None


def test_a_dermoscopy_with_dark_corners_passes():
    assert check_domain(photograph(skin(dark=True)), "skin") is None


def test_a_grey_angiography_is_neither_a_clear_film_nor_doubted_as_a_fundus():
    scan = photograph(retina().mean(-1))
    assert check_domain(scan, "fundus") is None
    assert check_domain(scan, "chest") is None


def test_a_dark_retina_passes():
    assert check_domain(photograph(retina() * np.array([0.25, 0.4, 0.7])), "fundus") is None


@pytest.mark.parametrize(("modality", "words"), [("ct", "a CT image"), ("mr", "an MR image")])
def test_what_the_header_calls_ct_or_mr_is_no_film(modality, words):
    scan = photograph(phantom()[0] / 255, modality=modality)
    assert words in check_domain(scan, "chest")


def test_volumes_are_not_doubted():
    assert check_domain(photograph(np.random.default_rng(0).random((20, 64, 64))), "chest") is None


def test_an_unknown_domain_is_refused():
    with pytest.raises(UnknownNameError, match="domain"):
        check_domain(FILM, "knee")
