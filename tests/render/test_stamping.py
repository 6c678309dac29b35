import numpy as np
import pytest
from conftest import chest

from sequela.core import Window
from sequela.render import stamp, to_display

GREY = Window(low=0, high=255, origin="dtype")
STORED = [
    (np.uint8, Window(low=0, high=255, origin="dtype")),
    (np.uint16, Window(low=200, high=3800, origin="header")),
    (np.int16, Window(low=-1000, high=400, origin="header")),
    (np.float32, Window(low=-2.5, high=7.5, origin="data")),
]


def stored(dtype: type, window: Window, side: int = 160) -> np.ndarray:
    share = chest(side).astype(np.float64) / 255
    return (window.low + share * (window.high - window.low)).astype(dtype)


@pytest.mark.parametrize(("dtype", "window"), STORED)
def test_a_stamp_changes_only_the_bottom_strip(dtype: type, window: Window) -> None:
    image = stored(dtype, window)
    stamped = stamp(image, window)
    rows = np.flatnonzero((stamped != image).any(axis=1))
    assert rows.min() >= 0.85 * len(image)
    assert rows.max() == len(image) - 1
    assert stamped.dtype == image.dtype
    assert np.array_equal(image, stored(dtype, window))


@pytest.mark.parametrize(("dtype", "window"), STORED)
def test_a_stamp_stays_in_the_images_units(dtype: type, window: Window) -> None:
    stamped = stamp(stored(dtype, window), window)
    assert window.low <= stamped.min()
    assert stamped.max() <= window.high
    assert to_display(stamped, window)[-20:].max() > 235


@pytest.mark.parametrize("grey", [0, 255])
def test_letters_stand_out_on_black_and_on_white(grey: int) -> None:
    strip = stamp(np.full((400, 400), grey, np.uint8), GREY)[-26:]
    letters = strip > 200
    assert 0.03 < letters.mean() < 0.4
    assert np.median(strip) < 90


def test_colour_is_stamped_in_white() -> None:
    image = np.full((200, 300, 3), (180, 60, 40), np.uint8)
    stamped = stamp(image, GREY)
    changed = (stamped != image).any(axis=(1, 2))
    assert not changed[:180].any()
    assert (stamped[180:] > 230).all(axis=-1).any()


def test_every_slice_of_a_volume_is_stamped() -> None:
    volume = np.zeros((5, 120, 90), np.int16)
    stamped = stamp(volume, Window(low=-1000, high=1000, origin="header"))
    assert (stamped == stamped[0]).all()
    assert (stamped[:, :100] == 0).all()
    assert stamped[0, -8:].max() > 600


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (300, 7), (33, 47)])
def test_the_smallest_images_are_stamped_without_failing(shape: tuple[int, int]) -> None:
    assert stamp(np.zeros(shape, np.uint8), GREY).shape == shape
