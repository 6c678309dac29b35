"""Hardware drawn into the example film: found, protected, and told when a state invents it."""

from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

import sequela
from sequela.cohorts.synthetic.hardware import CONTRASTS, KINDS, draw_hardware
from sequela.conditioning.devices import (
    devices_on,
    find_devices,
    invented_devices,
    protected_region,
)
from sequela.core import InvalidInputError, UnknownNameError, Window


@pytest.fixture(scope="module")
def chest():
    return sequela.read(str(files("sequela") / "assets" / "examples" / "chest.png"))


def plain(kind, film):
    """The plainest of a few drawings of a kind, so that only the finder can miss it."""
    pieces = [draw_hardware(film, kind, np.random.default_rng(seed)) for seed in range(12)]
    return max(pieces, key=lambda piece: piece.contrast)


def wearing(scan, piece):
    window = Window(low=0, high=255, origin="dtype")
    return replace(scan, array=np.rint(piece.film * 255).astype(np.uint8), window=window)


@pytest.fixture(scope="module")
def film(chest):
    return chest.array.astype(np.float32) / 255


@pytest.mark.parametrize("kind", ["generator", "tube", "wire"])
def test_plain_hardware_is_found_and_protected(chest, film, kind):
    piece = plain(kind, film)
    devices = find_devices(wearing(chest, piece))
    assert (devices.mask & piece.mask).sum() > 0.6 * piece.mask.sum()
    region = protected_region(devices, chest)
    assert region.array[piece.mask].mean() > 0.75
    assert region.array.mean() < 0.2
    assert region.origin.startswith("auto: devices (")


def test_a_housing_is_called_a_generator_and_counted(chest, film):
    devices = find_devices(wearing(chest, plain("generator", film)))
    assert "generator" in {part.kind for part in devices.parts}
    assert "1 generator" in devices.summary
    assert all(0 < part.area < 0.2 and 0 < part.score <= 1 for part in devices.parts)


def test_an_ordinary_film_is_left_free(chest):
    assert find_devices(chest).mask.mean() < 0.02


def test_a_large_deep_film_gives_the_same_places(chest, film):
    piece = plain("wire", film)
    small = find_devices(wearing(chest, piece)).mask
    tall = np.kron(np.rint(piece.film * 4095).astype(np.uint16), np.ones((3, 3), np.uint16))
    large = replace(chest, array=tall, window=Window(low=0, high=4095, origin="dtype"))
    found = find_devices(large).mask[1::3, 1::3]
    assert (found & small).sum() > 0.8 * small.sum()


def test_what_a_state_shows_and_the_baseline_does_not_is_invented(chest, film):
    worn = find_devices(chest)
    state = np.rint(plain("wire", film).film * 255).astype(np.uint8)
    parts = invented_devices(chest, state, worn)
    assert {part.kind for part in parts} >= {"wire"}
    assert invented_devices(chest, state, worn, ("central line",)) == ()
    assert invented_devices(chest, chest.array, worn) == ()


def test_hardware_of_the_baseline_is_not_invented(chest, film):
    scan = wearing(chest, plain("generator", film))
    assert invented_devices(scan, scan.array, find_devices(scan)) == ()


def test_a_volume_has_no_hardware_finder(chest):
    with pytest.raises(InvalidInputError, match="Give a 2-D image"):
        find_devices(replace(chest, array=np.zeros((4, 8, 8), np.int16)))


def test_finding_twice_gives_the_same(chest):
    once, again = devices_on(chest, chest.array), devices_on(chest, chest.array)
    assert (once.mask == again.mask).all()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_drawn_hardware_only_whitens_and_only_where_its_truth_says(film, kind):
    for seed in range(4):
        piece = draw_hardware(film, kind, np.random.default_rng(seed))
        assert (piece.film >= film - 1e-6).all()
        assert piece.film.max() <= 1
        low, high = CONTRASTS[kind]
        assert low <= piece.contrast <= high
        assert piece.mask.any()
        moved = piece.film - film
        assert moved[~piece.mask].sum() < moved[piece.mask].sum() * 2
        again = draw_hardware(film, kind, np.random.default_rng(seed))
        np.testing.assert_array_equal(piece.film, again.film)


def test_an_unknown_kind_of_hardware_is_refused(film):
    with pytest.raises(UnknownNameError, match="kind"):
        draw_hardware(film, "stent", np.random.default_rng(0))
