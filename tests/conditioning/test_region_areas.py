"""Where findings show, and how a region is cut to a side and a place, on a drawn chest."""

import numpy as np
import pytest

from sequela.conditioning import CHEST, FUNDUS, SKIN
from sequela.conditioning.regions import PROVIDERS, RegionRequest, auto_region, restrict
from sequela.conditioning.regions.chest_areas import CHEST_AREAS
from sequela.conditioning.regions.photo_areas import FUNDUS_AREAS, SKIN_AREAS
from sequela.core import GeometryMismatchError, InvalidInputError, UnknownNameError
from tests.conditioning.photographs import photograph, region_of, retina, skin
from tests.conditioning.test_auto_region import film, phantom

SCAN = film(phantom()[0])
LUNGS = auto_region(SCAN).region.array


def found(*findings):
    return auto_region(SCAN, "chest", findings).region.array


def middle_of(array):
    rows, columns = np.indices(array.shape)
    return (rows * array).sum() / array.sum(), (columns * array).sum() / array.sum()


def test_tables_name_findings_of_their_vocabulary():
    assert set(CHEST_AREAS) <= set(CHEST.findings)
    assert set(FUNDUS_AREAS) <= set(FUNDUS.findings)
    assert set(SKIN_AREAS) <= set(SKIN.findings)


@pytest.mark.parametrize("finding", CHEST.findings)
def test_every_finding_of_the_chest_has_a_place_on_the_film(finding):
    region = auto_region(SCAN, "chest", (finding,)).region
    assert 0.02 < (region.array > 0.5).mean() < 0.5
    assert (finding in region.origin) == (finding in CHEST_AREAS)


def test_the_heart_lies_between_the_lungs_a_little_to_the_patients_left():
    heart = found("Cardiomegaly")
    row, column = middle_of(heart)
    assert 128 < column < 150
    assert row > middle_of(LUNGS)[0]
    assert (heart * LUNGS).sum() < 0.5 * heart.sum()


def test_effusions_lie_low_and_pneumothoraces_high():
    assert middle_of(found("Effusion"))[0] > middle_of(LUNGS)[0] + 25
    assert middle_of(found("Pneumothorax"))[0] < middle_of(LUNGS)[0] - 10


def test_an_effusion_reaches_below_the_lung():
    lowest = [np.flatnonzero((array > 0.5).any(1))[-1] for array in (found("Effusion"), LUNGS)]
    assert lowest[0] > lowest[1] + 5


def test_thickened_pleura_leaves_the_core_of_the_lungs():
    rim = found("Pleural Thickening")
    assert rim[117, 77] == 0  # the middle of the right lung
    assert rim.max() == 1


def test_several_findings_get_the_union_of_their_areas():
    both = found("Cardiomegaly", "Effusion")
    np.testing.assert_allclose(
        both, np.maximum(found("Cardiomegaly"), found("Effusion")), atol=0.05
    )
    np.testing.assert_allclose(found("Pneumonia", "Nodule"), LUNGS)


@pytest.mark.parametrize(("side", "columns"), [("right", slice(0, 120)), ("left", slice(136, 256))])
def test_the_patients_right_is_on_the_left_of_the_film(side, columns):
    part = restrict(region_of(LUNGS), SCAN, side=side)
    assert part.notice is None
    assert part.region.origin == f"drawn.png, {side}"
    inside = part.region.array[:, columns]
    np.testing.assert_allclose(inside, LUNGS[:, columns], atol=1e-6)
    assert part.region.array.sum() == pytest.approx(inside.sum(), rel=1e-3)


@pytest.mark.parametrize(
    ("place", "low", "high"),
    [
        ("upper lobe", 0.20, 0.40),
        ("apex", 0.20, 0.34),
        ("mid zone", 0.38, 0.54),
        ("lower lobes", 0.54, 0.73),
        ("base", 0.56, 0.73),
        ("perihilar", 0.35, 0.57),
        ("bibasilar", 0.56, 0.73),
    ],
)
def test_zones_are_thirds_of_the_lungs_height(place, low, high):
    part = restrict(region_of(LUNGS), SCAN, place=place)
    assert part.notice is None
    assert low < middle_of(part.region.array)[0] / 256 < high


def test_two_zones_give_both():
    upper, lower, both = (
        restrict(region_of(LUNGS), SCAN, place=place).region.array
        for place in ("upper lobe", "lower lobe", "upper lobe and lower lobe")
    )
    np.testing.assert_allclose(both, np.maximum(upper, lower))


def test_the_lingula_is_on_the_left_and_the_middle_lobe_on_the_right():
    lingula, middle = (
        restrict(region_of(LUNGS), SCAN, place=place).region.array
        for place in ("lingula", "middle lobe")
    )
    assert lingula[:, :120].sum() == 0
    assert middle[:, 136:].sum() == 0
    left = restrict(region_of(LUNGS), SCAN, side="left", place="middle lobe").region.array
    assert left[:, 136:].sum() > 0


def test_both_sides_and_neutral_words_cut_nothing():
    for side, place in ((None, ""), ("both", ""), ("both", "lung fields"), (None, "the lungs")):
        part = restrict(region_of(LUNGS), SCAN, side=side, place=place)
        np.testing.assert_array_equal(part.region.array, LUNGS)
        assert part.notice is None


def test_an_unknown_place_cuts_nothing_and_is_named():
    part = restrict(region_of(LUNGS), SCAN, place="clavicle")
    np.testing.assert_array_equal(part.region.array, LUNGS)
    assert "'clavicle'" in part.notice
    sided = restrict(region_of(LUNGS), SCAN, side="left", place="clavicle")
    assert sided.region.array[:, :120].sum() == 0
    assert "'clavicle'" in sided.notice


def test_a_cut_that_would_leave_nothing_is_not_made():
    drawn = np.zeros((256, 256))
    drawn[60:100, 60:100] = 1
    part = restrict(region_of(drawn), SCAN, side="left")
    np.testing.assert_array_equal(part.region.array, drawn)
    assert "Next to nothing" in part.notice


def test_macula_disc_and_quadrants_are_told_from_the_landmarks():
    scan = photograph(retina())  # the disc is on the right, so the temple is on the left
    whole = region_of(np.ones((256, 256)))
    places = {
        place: middle_of(restrict(whole, scan, "fundus", place=place).region.array)
        for place in ("macula", "disc", "temporal", "nasal", "superior", "inferior")
    }
    assert np.hypot(places["macula"][0] - 133, places["macula"][1] - 108) < 20
    assert np.hypot(places["disc"][0] - 128, places["disc"][1] - 184) < 12
    assert places["temporal"][1] < places["nasal"][1]
    assert places["superior"][0] < places["inferior"][0]
    eye = restrict(whole, scan, "fundus", side="left")
    assert eye.notice is None
    np.testing.assert_array_equal(eye.region.array, whole.array)


def test_places_on_the_body_do_not_cut_a_lesion():
    part = restrict(region_of(np.ones((200, 200))), photograph(skin()), "skin", place="back")
    assert part.notice is None
    assert part.region.array.all()


def test_wrong_sides_domains_and_grids_are_refused():
    with pytest.raises(UnknownNameError, match="side"):
        restrict(region_of(LUNGS), SCAN, side="lft")
    with pytest.raises(UnknownNameError, match="domain"):
        restrict(region_of(LUNGS), SCAN, "knee")
    with pytest.raises(GeometryMismatchError):
        restrict(region_of(LUNGS[:-1]), SCAN)


def test_providers_of_every_domain_are_registered():
    assert {"auto", "lesion", "lungs", "retina", "sam"} <= {entry.name for entry in PROVIDERS}
    request = RegionRequest(domain="chest", findings=("Effusion",))
    auto, lungs = (PROVIDERS.get(name).make(SCAN, request) for name in ("auto", "lungs"))
    np.testing.assert_array_equal(auto.region.array, found("Effusion"))
    np.testing.assert_array_equal(lungs.region.array, LUNGS)


def test_boxes_keep_what_lies_in_them():
    request = RegionRequest(domain="chest", boxes=((0, 0, 128, 256),))
    region = PROVIDERS.get("auto").make(SCAN, request).region
    assert region.array[:, 128:].sum() == 0
    np.testing.assert_array_equal(region.array[:, :128], LUNGS[:, :128])
    assert region.origin == "auto: lungs, in the box"
    request = RegionRequest(domain="chest", boxes=((0, 0, 5, 5),))
    with pytest.raises(InvalidInputError, match="`box` must hold a part"):
        PROVIDERS.get("auto").make(SCAN, request)


def test_points_are_refused_by_finders_that_are_shown_nothing():
    with pytest.raises(InvalidInputError, match="region sam alone"):
        PROVIDERS.get("auto").make(SCAN, RegionRequest(domain="chest", points=((9, 9),)))
