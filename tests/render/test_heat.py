import numpy as np
import pytest
from conftest import chest

from sequela.core import GeometryMismatchError, Window
from sequela.render import change_map, heat_colours, heat_overlay, heat_scale

WINDOW = Window(low=-1000, high=1000, origin="header")


def test_change_is_the_absolute_difference_as_a_share_of_the_window() -> None:
    baseline = np.array([[0, 0, 100, 0]], dtype=np.int16)
    state = np.array([[500, -500, 100, 9000]], dtype=np.int16)
    change = change_map(state, baseline, WINDOW)
    assert change.dtype == np.float32
    assert change.tolist() == [[0.25, 0.25, 0.0, 1.0]]


def test_unsigned_images_do_not_wrap_around() -> None:
    dark, light = np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)
    window = Window(low=0, high=255, origin="dtype")
    assert np.array_equal(change_map(dark, light, window), change_map(light, dark, window))


def test_change_of_a_colour_image_is_the_mean_over_its_colours() -> None:
    baseline, state = np.zeros((2, 3, 3), np.uint8), np.zeros((2, 3, 3), np.uint8)
    state[..., 0] = 255
    change = change_map(state, baseline, Window(low=0, high=255, origin="dtype"))
    assert change.shape == (2, 3)
    assert change == pytest.approx(1 / 3)


def test_two_grids_are_refused() -> None:
    with pytest.raises(GeometryMismatchError, match="must lie on the baseline's grid"):
        change_map(np.zeros((2, 2)), np.zeros((3, 3)), WINDOW)


def test_one_scale_serves_the_run_whatever_the_order_of_its_states() -> None:
    window = Window(low=0, high=255, origin="dtype")
    maps = [change_map(chest(opacity=o), chest(), window) for o in (0, 0.2, 0.6, 1)]
    scale = heat_scale(maps)
    assert scale == heat_scale(maps[::-1]) == heat_scale(maps[-1:])
    assert np.percentile(maps[-1], 99.5) <= scale <= 1.5 * np.percentile(maps[-1], 99.5)


def test_the_same_change_has_the_same_colour_in_every_state() -> None:
    early, late = np.full((2, 2), 0.1, np.float32), np.array([[0.1, 0.4]], np.float32)
    scale = heat_scale([early, late])
    assert np.array_equal(heat_overlay(early, scale)[0, 0], heat_overlay(late, scale)[0, 0])


@pytest.mark.parametrize(
    ("top", "scale"), [(0.0, 0.01), (0.02, 0.02), (0.21, 0.3), (0.45, 0.5), (0.99, 1.0)]
)
def test_the_scale_is_a_round_number(top: float, scale: float) -> None:
    assert heat_scale([np.full((4, 4), top, np.float32)]) == pytest.approx(scale)


def test_colours_grow_lighter_all_the_way() -> None:
    colours = heat_colours(np.linspace(0, 1, 64)).astype(float)
    lightness = colours @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > 0).all()


def test_no_change_leaves_the_image_below_untouched() -> None:
    overlay = heat_overlay(np.array([[0.0, 0.5]], np.float32), 0.5)
    assert overlay[0, :, 3].tolist() == [0, 255]
