"""Touching up raw masks, and telling which regions can hardly be meant."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequela.conditioning.regions import finish, quality
from sequela.conditioning.regions.finish import edges
from sequela.conditioning.regions.quality import content
from sequela.core import GeometryMismatchError, InvalidInputError
from tests.conditioning.photographs import (
    circle,
    dice,
    grained,
    photograph,
    region_of,
    retina,
    skin,
    soft_edge,
)
from tests.conditioning.test_auto_region import film, phantom


def bright_disc(size=200, radius=0.25):
    return photograph(grained(0.3 + 0.4 * soft_edge(circle(size, 0.5, 0.5, radius))[..., 0]))


@pytest.mark.parametrize("radius", [0.235, 0.265])
def test_the_border_moves_to_a_near_edge(radius):
    raw, truth = circle(200, 0.5, 0.5, radius), circle(200, 0.5, 0.5, 0.25)
    assert dice(raw, truth) < 0.945
    assert dice(finish(raw, bright_disc()), truth) > 0.98


def test_edges_out_of_reach_and_across_the_border_do_not_count():
    far = circle(200, 0.5, 0.5, 0.12)
    assert dice(finish(far, bright_disc()), far) > 0.97
    grey = np.full((200, 200), 0.4)
    grey[:, 100:] = 0.7  # an edge that runs through the mask
    raw = circle(200, 0.5, 0.5, 0.25)
    assert dice(finish(raw, photograph(grained(grey))), raw) > 0.98


def test_edges_lie_on_the_contour_with_its_normal():
    edge = edges(bright_disc().array / np.float32(255))
    rows, columns = np.nonzero(np.hypot(*edge))
    off = np.hypot(rows + 0.5 - 100, columns + 0.5 - 100)
    assert np.median(np.abs(off - 50)) < 1.5
    strongest = np.abs(off - 50) < 2
    assert strongest.sum() > 200
    inwards = -np.stack([rows - 99.5, columns - 99.5]) / off
    assert (edge[:, rows, columns] * inwards).sum(0)[strongest].mean() > 0.95


def test_bumps_and_specks_are_smoothed_away():
    raw = circle(200, 0.5, 0.5, 0.25)
    rough = raw.copy()
    rough[98:102, 150:158] = True
    rough[98:102, 40:56] = False
    smooth = finish(rough, film(phantom(200)[0]), snap=0, smooth=0.06)
    assert rough[100, 156] > 0.5 > rough[100, 53]
    assert smooth[100, 156] < 0.5 < smooth[100, 53]
    assert dice(smooth, raw) > 0.985


def test_growth_is_a_share_of_the_masks_size():
    raw = circle(300, 0.5, 0.5, 0.2)
    scale = np.sqrt(raw.sum())
    for grow in (-0.1, 0.0, 0.2):
        grown = finish(raw, bright_disc(300), snap=0, smooth=0, grow=grow)
        assert np.sqrt((grown > 0.5).sum() / np.pi) == pytest.approx(60 + grow * scale, abs=1.5)


def test_feathering_widens_the_soft_edge():
    raw = circle(300, 0.5, 0.5, 0.2)
    counts = []
    for feather in (0.01, 0.05, 0.15):
        mask = finish(raw, bright_disc(300), feather=feather)
        counts.append(((mask > 0.05) & (mask < 0.95)).sum())
    assert counts[0] < counts[1] < counts[2]


@settings(deadline=None, max_examples=20)
@given(
    st.integers(16, 90),
    st.integers(16, 90),
    st.floats(0, 0.3),
    st.floats(-0.3, 0.5),
    st.integers(0, 2**32 - 1),
)
def test_any_mask_gives_a_soft_mask_of_its_shape(height, width, snap, grow, seed):
    draw = np.random.default_rng(seed)
    raw = draw.random((height, width)) < draw.random()
    scan = photograph(draw.random((height, width, 3)))
    done = finish(raw, scan, snap=snap, grow=grow)
    assert done.shape == (height, width)
    assert done.dtype == np.float32
    assert 0 <= done.min() <= done.max() <= 1


def test_an_empty_mask_stays_empty_and_a_full_one_full():
    scan = bright_disc()
    assert not finish(np.zeros((200, 200), dtype=bool), scan).any()
    assert finish(np.ones((200, 200), dtype=bool), scan).min() == 1


def test_lengths_out_of_range_are_refused():
    raw = circle(200, 0.5, 0.5, 0.2)
    with pytest.raises(InvalidInputError, match="`snap`"):
        finish(raw, bright_disc(), snap=3)
    with pytest.raises(InvalidInputError, match="`grow`"):
        finish(raw, bright_disc(), grow=float("nan"))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((256, 256)), "is empty"),
        (np.full((256, 256), 0.1), "is faint"),
        (circle(256, 0.5, 0.5, 0.02), "covers only 0.12 %"),
        (np.ones((256, 256)), r"covers nearly all of the image \(100 %\)"),
    ],
)
def test_regions_that_can_hardly_be_meant_are_named(array, words):
    scan = film(phantom()[0])
    notice = quality(region_of(array), scan)
    assert notice is not None
    assert re.search(words, notice)
    assert "drawn.png" in notice


def test_many_fragments_are_named():
    array = np.zeros((256, 256))
    for row in range(30, 230, 50):
        for column in range(30, 230, 50):
            array[row : row + 12, column : column + 12] = 1
    assert "falls into 16 parts" in quality(region_of(array), film(phantom()[0]))


def test_a_region_outside_the_exposed_film_is_named():
    scan = film(np.pad(phantom()[0], ((0, 0), (0, 200))))
    beside = np.zeros(scan.space)
    beside[50:200, 280:440] = 1
    assert "outside the exposed film" in quality(region_of(beside), scan)
    inside = np.zeros(scan.space)
    inside[50:200, 40:200] = 1
    assert quality(region_of(inside), scan) is None


def test_a_region_on_the_black_surround_of_a_retina_is_named():
    scan = photograph(retina())
    corner = np.zeros((256, 256))
    corner[:40, :40] = 1
    assert "outside the retina" in quality(region_of(corner), scan, "fundus")
    assert quality(region_of(circle(256, 0.5, 0.5, 0.2)), scan, "fundus") is None


def test_a_plain_region_passes_in_every_domain():
    round_one = region_of(circle(200, 0.5, 0.5, 0.2))
    assert quality(round_one, photograph(skin()), "skin") is None
    assert quality(round_one, film(phantom(200)[0])) is None
    assert content(photograph(skin()), "skin", (64, 64)).all()


def test_a_region_on_another_grid_is_refused():
    with pytest.raises(GeometryMismatchError):
        quality(region_of(np.ones((9, 9))), film(phantom()[0]))
