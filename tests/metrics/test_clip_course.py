"""Video metrics against clips whose figures are known by hand."""

import numpy as np
import pytest

from sequela.core import InvalidInputError
from sequela.metrics.video import course, end_error, join_jump, sharpness_constancy, smoothness


def _noise(seed, shape=(1, 32, 32)):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, shape).astype(np.float32)


def _fade(frames=9):
    first, last = _noise(0), _noise(1)
    return np.stack([first + w * (last - first) for w in np.linspace(0, 1, frames, dtype="f4")])


def test_end_error_is_the_largest_pixel_of_either_end():
    clip = _fade()
    first, last = clip[0].copy(), clip[-1].copy()
    assert end_error(clip, first, last) == 0
    last[0, 3, 4] += 0.25
    assert end_error(clip, first, last) == pytest.approx(0.25)


def test_an_even_clip_has_no_join_jump():
    jump = join_jump(_fade())
    assert jump.change == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("end", ["first", "last"])
def test_a_jump_to_either_state_is_counted(end):
    clip = _fade()
    within = np.abs(clip[3] - clip[2]).mean()
    clip[0 if end == "first" else -1] += (
        2 * (-1 if end == "first" else 1) * np.sign(clip[-1] - clip[0]) * within
    )
    assert join_jump(clip).change == pytest.approx(3, rel=1e-3)


def test_a_bend_at_the_join_is_seen_where_the_change_is_even():
    weights = np.array([0, 1, 0, 1, 2, 3.5, 5, 6.5, 8.5, 8, 9], np.float32)
    clip = weights[:, None, None, None] * np.full((1, 1, 8, 8), 0.05, np.float32)
    assert join_jump(clip).bend > 1.5


def test_a_clip_where_nothing_moves_has_no_jump_to_speak_of():
    still = np.zeros((6, 1, 8, 8), np.float32)
    assert np.isnan(join_jump(still).change)
    assert np.isnan(smoothness(still))


def test_a_steady_path_is_smooth_and_noise_is_not():
    assert smoothness(_fade()) < 1e-4
    noise = np.random.default_rng(0).normal(0, 0.1, (12, 1, 48, 48)).astype(np.float32)
    assert smoothness(noise) == pytest.approx(np.sqrt(3), rel=0.02)


def test_a_cross_fade_of_unlike_detail_loses_half_its_sharpness_and_one_picture_none():
    clip = _fade(frames=31)
    assert 0.5 <= sharpness_constancy(clip) < 0.56
    assert sharpness_constancy(np.repeat(clip[:1], 7, axis=0)) == pytest.approx(1)


def test_a_judge_sees_order_rise_and_backtracking():
    clip = np.stack([np.full((1, 8, 8), v, np.float32) for v in (0.0, 0.2, 0.1, 0.4)])
    found = course(clip, lambda frames: frames.mean(axis=(1, 2, 3)))
    assert found.rise == pytest.approx(0.4)
    assert found.backtrack == pytest.approx(0.25)
    assert found.order == pytest.approx(0.8)
    falling = course(clip[::-1], lambda frames: frames.mean(axis=(1, 2, 3)))
    assert falling.backtrack == pytest.approx(0.25)
    assert falling.order == pytest.approx(-0.8)


def test_a_judge_that_gives_one_score_for_all_is_refused():
    with pytest.raises(InvalidInputError, match="judge"):
        course(_fade(), lambda frames: np.zeros(1))


def test_a_score_that_never_changes_has_no_order():
    found = course(_fade(), lambda frames: np.zeros(len(frames)))
    assert np.isnan(found.order)
    assert np.isnan(found.backtrack)
