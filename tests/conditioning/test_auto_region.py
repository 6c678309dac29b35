"""The lungs of drawn phantoms, whose truth is known."""

import time

import numpy as np
import pytest
from scipy import ndimage

from sequela.conditioning.regions import auto_region
from sequela.core import InvalidInputError, Scan, Source, UnknownNameError, Window

LUNGS = ((0.46, 0.30, 0.27, 0.12), (0.46, 0.70, 0.27, 0.12))  # row, column, half height, half width


def ellipse(size, row, column, half_height, half_width):
    rows, columns = (np.mgrid[:size, :size] + 0.5) / size
    return ((rows - row) / half_height) ** 2 + ((columns - column) / half_width) ** 2 < 1


def phantom(size=256, *, opaque=0.0, noise=0.02):
    """A bright body with two dark lungs and the truth; `opaque` whitens the left one."""
    right, left = (ellipse(size, *lung) for lung in LUNGS)
    grey = np.full((size, size), 0.75)
    grey[right] = 0.3
    grey[left] = 0.3 + 0.45 * opaque
    grey = ndimage.gaussian_filter(grey, size / 100)
    grey += noise * np.random.default_rng(0).standard_normal(grey.shape)
    return np.round(np.clip(grey, 0, 1) * 255).astype(np.uint8), right | left


def film(array, *, low=0.0, high=255.0):
    return Scan(
        array=array,
        modality="xray",
        window=Window(low=low, high=high, origin="data"),
        source=Source(name="phantom.png", sha256=""),
    )


def dice(soft_mask, truth):
    found = soft_mask > 0.5
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


def test_two_dark_lungs_on_a_bright_body_are_found():
    grey, truth = phantom()
    found = auto_region(film(grey))
    assert found.notice is None
    assert found.region.origin == "auto: lungs"
    assert dice(found.region.array, truth) >= 0.85


def test_the_region_lies_on_the_grid_of_the_scan_as_a_soft_mask():
    grey, _ = phantom(200)
    region = auto_region(film(grey[:, 10:-15])).region
    assert region.array.shape == (200, 175)
    assert region.array.dtype == np.float32
    assert region.array.max() == 1
    assert region.array.min() == 0
    assert ((region.array > 0.05) & (region.array < 0.95)).any()


def test_a_half_opaque_lung_stays_inside():
    grey, truth = phantom(opaque=0.6)
    found = auto_region(film(grey))
    assert found.notice is None
    assert dice(found.region.array, truth) >= 0.8


def test_a_white_lung_stays_inside_whether_or_not_there_is_a_notice():
    grey, _ = phantom(opaque=1.0)
    white = ellipse(256, *LUNGS[1])
    region = auto_region(film(grey)).region.array
    assert (region[white] > 0.5).mean() >= 0.6


def test_black_borders_and_a_shift_do_not_matter():
    grey, truth = phantom()
    shape = ((10, 60), (80, 20))
    found = auto_region(film(np.pad(grey, shape)))
    assert found.notice is None
    assert dice(found.region.array, np.pad(truth, shape)) >= 0.85


def test_bright_borders_do_not_matter():
    grey, truth = phantom()
    found = auto_region(film(np.pad(grey, 40, constant_values=250)))
    assert found.notice is None
    assert dice(found.region.array, np.pad(truth, 40)) >= 0.85


@pytest.mark.parametrize("degrees", [-7, 7])
def test_a_tilted_film_is_followed(degrees):
    grey, truth = phantom()
    turned = ndimage.rotate(grey, degrees, reshape=False, order=1, mode="nearest")
    turned_truth = ndimage.rotate(truth.astype(np.uint8), degrees, reshape=False, order=0) > 0
    assert dice(auto_region(film(turned)).region.array, turned_truth) >= 0.8


def test_brightness_and_units_do_not_matter():
    grey, _ = phantom()
    plain = auto_region(film(grey)).region.array
    stored = grey.astype(np.int16) * 8 - 1000
    scaled = auto_region(film(stored, low=-1000, high=255 * 8 - 1000)).region.array
    np.testing.assert_allclose(scaled, plain, atol=0.02)
    dim = auto_region(film((grey * 0.4 + 20).astype(np.uint8))).region.array
    assert dice(dim, plain > 0.5) >= 0.95


def test_the_same_film_gives_the_same_region():
    grey, _ = phantom()
    first, second = (auto_region(film(grey)).region.array for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("size", [(24, 24), (1, 300), (300, 2), (7, 9)])
def test_tiny_and_narrow_images_still_get_a_region_of_their_shape(size):
    array = np.random.default_rng(0).integers(0, 255, size, dtype=np.uint8)
    assert auto_region(film(array)).region.array.shape == size


def test_a_large_film_takes_about_a_second():
    grey = np.kron(phantom()[0], np.ones((12, 12), dtype=np.uint8)).astype(np.uint16)
    auto_region(film(grey[:256, :256]))
    began = time.process_time()
    auto_region(film(grey))
    assert time.process_time() - began < 3  # generous: other work may share the cores' caches


@pytest.mark.parametrize("kind", ["flat", "noise", "bright lungs"])
def test_a_film_without_dark_lungs_falls_back_with_a_notice(kind):
    grey, _ = phantom()
    noise = np.random.default_rng(0).integers(0, 255, grey.shape, dtype=np.uint8)
    arrays = {"flat": np.full_like(grey, 128), "noise": noise, "bright lungs": 255 - grey}
    found = auto_region(film(arrays[kind]))
    assert found.region.origin == "auto: usual place of the lungs"
    assert "phantom.png" in found.notice
    assert "where lungs usually lie" in found.notice
    assert 0.1 < (found.region.array > 0.5).mean() < 0.5


@pytest.mark.parametrize(
    ("shape", "kind"), [((64, 64, 3), "a colour image"), ((20, 64, 64), "a volume")]
)
def test_colour_images_and_volumes_are_refused(shape, kind):
    with pytest.raises(InvalidInputError, match=kind):
        auto_region(film(np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)))


def test_a_film_saved_in_colour_or_sepia_is_still_a_film():
    grey, truth = phantom()
    for tint in ((1, 1, 1), (1, 0.9, 0.75)):
        tinted = np.round(grey[..., None] * np.array(tint)).astype(np.uint8)
        found = auto_region(film(tinted))
        assert found.notice is None
        assert dice(found.region.array, truth) >= 0.85


def test_an_unknown_domain_is_refused_with_those_known():
    with pytest.raises(UnknownNameError, match="chest"):
        auto_region(film(phantom()[0]), domain="chset")
