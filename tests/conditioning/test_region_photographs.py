"""Retina, optic disc, macula and lesion on drawn photographs."""

import numpy as np
import pytest

from sequela.conditioning.regions import auto_region, find_fundus
from sequela.core import InvalidInputError
from tests.conditioning.photographs import circle, dice, grained, photograph, retina, skin


def test_the_retina_is_found_without_its_black_surround_and_without_the_disc():
    found = auto_region(photograph(retina()), "fundus", ("diabetic",))
    assert found.notice is None
    assert found.region.origin == "auto: retina without the disc"
    truth = circle(256, 0.5, 0.5, 0.45) & ~circle(256, 0.5, 0.72, 0.075)
    assert dice(found.region.array, truth) > 0.95
    assert found.region.array[128, int(0.72 * 256)] == 0
    assert (found.region.array[:20, :20] == 0).all()


def test_new_vessels_may_grow_on_the_disc():
    region = auto_region(photograph(retina()), "fundus", ("proliferative",)).region
    assert region.array[128, int(0.72 * 256)] == 1


@pytest.mark.parametrize("mirrored", [False, True])
def test_disc_and_macula_are_found_in_pixels_of_the_scan(mirrored):
    picture = retina(400)[:, ::-1] if mirrored else retina(400)
    fundus = find_fundus(photograph(picture))
    disc, fovea = (0.28, 0.58) if mirrored else (0.72, 0.42)
    assert abs(fundus.disc.row - 200) < 12
    assert abs(fundus.disc.column - 400 * disc) < 12
    assert np.hypot(fundus.macula.row - 208, fundus.macula.column - 400 * fovea) < 25


def test_a_retina_that_is_off_the_middle_and_cut_is_followed():
    picture = retina(row=0.42, column=0.6, disc=None)
    region = auto_region(photograph(picture[:, 40:]), "fundus", ("proliferative",)).region
    assert dice(region.array, circle(256, 0.42, 0.6, 0.45)[:, 40:]) > 0.95


def test_a_retina_without_a_disc_may_change_as_a_whole_and_says_so():
    picture = np.ones((256, 256, 3)) * np.array([0.6, 0.3, 0.1])
    found = auto_region(photograph(picture * circle(256, 0.5, 0.5, 0.45)[..., None]), "fundus")
    assert found.region.origin == "auto: retina"
    assert "No optic disc was found on photo.png" in found.notice


def test_what_is_lit_but_not_round_is_doubted():
    picture = np.zeros((200, 200, 3))
    picture[90:110, 10:190] = (0.6, 0.3, 0.1)
    picture[10:190, 90:110] = (0.6, 0.3, 0.1)
    found = auto_region(photograph(grained(picture, 0.003)), "fundus")
    assert found.region.origin == "auto: lit part"
    assert "not round" in found.notice


@pytest.mark.parametrize("place", [(0.5, 0.5, 0.2), (0.4, 0.62, 0.12), (0.5, 0.5, 0.35)])
def test_a_lesion_is_found_with_a_narrow_margin(place):
    found = auto_region(photograph(skin(lesion=place)), "skin")
    assert found.notice is None
    assert found.region.origin == "auto: lesion"
    row, column, radius = place
    assert dice(found.region.array, circle(200, row, column, 1.2 * radius)) > 0.9
    assert (found.region.array[circle(200, row, column, 0.95 * radius)] > 0.9).all()


@pytest.mark.parametrize("colour", [(0.2, 0.15, 0.15), (0.75, 0.4, 0.4), (0.6, 0.5, 0.55)])
def test_dark_red_and_grey_lesions_are_found_among_hairs_and_dark_corners(colour):
    picture = skin(colour=colour, hairs=4, dark=True)
    found = auto_region(photograph(picture), "skin")
    assert found.notice is None
    assert dice(found.region.array, circle(200, 0.5, 0.5, 0.23)) > 0.85


def test_a_melanoma_gets_a_wider_margin():
    scan = photograph(skin())
    plain, wide = (auto_region(scan, "skin", f).region.array.sum() for f in ((), ("melanoma",)))
    assert wide > 1.1 * plain


def test_skin_without_a_lesion_falls_back_to_the_middle_with_a_notice():
    found = auto_region(photograph(skin(lesion=None)), "skin")
    assert found.region.origin == "auto: middle of the image"
    assert "The lesion was not found reliably on photo.png" in found.notice
    assert 0.1 < (found.region.array > 0.5).mean() < 0.6


@pytest.mark.parametrize("domain", ["fundus", "skin"])
def test_volumes_are_refused(domain):
    with pytest.raises(InvalidInputError, match="got a volume"):
        auto_region(photograph(np.random.default_rng(0).random((20, 64, 64))), domain)


@pytest.mark.parametrize("domain", ["fundus", "skin"])
@pytest.mark.parametrize("shape", [(16, 16, 3), (16, 300, 3), (400, 20, 3), (64, 64)])
def test_small_narrow_and_grey_photographs_get_a_region_of_their_shape(domain, shape):
    noise = np.random.default_rng(0).random(shape)
    region = auto_region(photograph(noise), domain).region
    assert region.array.shape == shape[:2]
    assert region.array.max() > 0


@pytest.mark.parametrize("domain", ["fundus", "skin"])
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_photographs_get_a_notice_or_a_whole_retina(domain, value):
    found = auto_region(photograph(np.full((64, 64, 3), value)), domain)
    assert found.notice is not None
    assert found.region.array.any()
