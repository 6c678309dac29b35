import numpy as np

from sequela.metrics import ghosting


def _border(column: int) -> np.ndarray:
    image = np.zeros((64, 64), np.float32)
    image[:, column:] = 1
    return image


def test_an_old_border_that_shines_through_is_a_full_ghost():
    after = _border(32) + 0.5  # all is brighter, the border stands where it stood
    assert ghosting(_border(32), after, blur_px=2, moved=0.2) > 0.95


def test_a_border_that_moved_along_leaves_no_ghost():
    assert abs(ghosting(_border(32), _border(22), blur_px=2, moved=0.2)) < 0.1


def test_half_a_border_is_half_a_ghost():
    after = 0.5 * _border(32) + 0.5 * _border(22)
    assert 0.4 < ghosting(_border(32), after, blur_px=2, moved=0.1) < 0.65


def test_nothing_moved_has_no_ghost_to_speak_of():
    assert np.isnan(ghosting(_border(32), _border(32), blur_px=2, moved=0.2))
