import numpy as np
import pytest

from sequela.core import InvalidInputError, Window
from sequela.render import to_display, viewing_size


def test_a_window_maps_its_ends_to_black_and_white_and_clips_the_rest() -> None:
    image = np.array([[-1200, -1000, 0, 1000, 3000]], dtype=np.int16)
    shown = to_display(image, Window(low=-1000, high=1000, origin="header"))
    assert shown.dtype == np.uint8
    assert shown.tolist() == [[0, 0, 128, 255, 255]]


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_sixteen_bit_and_float_images_give_the_same_picture(dtype: type) -> None:
    image = np.linspace(0, 65535, 12).reshape(3, 4).astype(dtype)
    shown = to_display(image, Window(low=0, high=65535, origin="dtype"))
    assert shown.ravel()[[0, -1]].tolist() == [0, 255]
    assert (np.diff(shown.ravel().astype(int)) > 0).all()


def test_eight_bit_colour_passes_untouched() -> None:
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert to_display(image, Window(low=10, high=20, origin="data")) is image


def test_viewing_size_keeps_the_shape_and_never_enlarges() -> None:
    assert viewing_size(np.zeros((300, 200), np.uint8), 150).shape == (150, 100)
    assert viewing_size(np.zeros((30, 20, 3), np.uint8), 150).shape == (30, 20, 3)
    assert viewing_size(np.zeros((4000, 2), np.uint8), 100).shape == (100, 1)


def test_viewing_size_averages_what_it_shrinks_and_leaves_no_moire() -> None:
    board = np.indices((256, 256)).sum(axis=0) % 2
    small = viewing_size((255 * board).astype(np.uint8), 64)
    assert abs(small[8:-8, 8:-8].astype(int) - 128).max() <= 2


def test_a_shrunken_map_keeps_its_mean_and_its_limits() -> None:
    change = np.random.default_rng(0).random((128, 128), dtype=np.float32)
    small = viewing_size(change, 32)
    assert small.dtype == np.float32
    assert small.mean() == pytest.approx(change.mean(), abs=1e-5)
    assert change.min() <= small.min() <= small.max() <= change.max()


def test_viewing_size_refuses_stored_units() -> None:
    with pytest.raises(InvalidInputError, match="`array` must be uint8 or float32, got uint16"):
        viewing_size(np.zeros((4, 4), np.uint16))
