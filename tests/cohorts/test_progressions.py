from itertools import pairwise

import numpy as np
import pytest

from sequela.cohorts.synthetic.progressions import PROGRESSIONS, draw_progression
from sequela.core import InvalidInputError, UnknownNameError


@pytest.mark.parametrize("kind", PROGRESSIONS)
def test_the_same_seed_draws_the_same_patient_and_another_does_not(kind):
    first, again = (draw_progression(kind, seed=3, size=48, noise=0.02) for _ in range(2))
    other = draw_progression(kind, seed=4, size=48, noise=0.02)
    assert np.array_equal(first.truth, again.truth)
    assert np.array_equal(first.last, again.last)
    assert not np.array_equal(first.truth, other.truth)


@pytest.mark.parametrize("kind", PROGRESSIONS)
def test_without_noise_the_states_are_the_ends_of_the_truth(kind):
    drawn = draw_progression(kind, seed=0, size=48, frames=5)
    assert drawn.truth.shape == (5, 1, 48, 48)
    assert np.array_equal(drawn.first, drawn.truth[0])
    assert np.array_equal(drawn.last, drawn.truth[-1])
    assert drawn.truth.dtype == np.float32
    assert np.abs(drawn.truth).max() <= 1


@pytest.mark.parametrize("kind", PROGRESSIONS)
def test_more_frames_show_the_same_progression(kind):
    few, many = (draw_progression(kind, seed=1, size=48, frames=n) for n in (3, 9))
    assert np.array_equal(few.truth, many.truth[::4])


@pytest.mark.parametrize("kind", PROGRESSIONS)
def test_the_true_middle_is_no_blend_of_the_ends(kind):
    drawn = draw_progression(kind, seed=2, frames=3)
    blend = (drawn.truth[0] + drawn.truth[2]) / 2
    moved = np.abs(drawn.truth[2] - drawn.truth[0]).mean()
    assert np.abs(drawn.truth[1] - blend).mean() > 0.1 * moved


def test_a_disc_covers_more_from_frame_to_frame_and_the_far_background_stays():
    truth = draw_progression("growing-disc", seed=0, frames=5).truth
    brighter = [(np.abs(frame - truth[0]) > 0.2).sum() for frame in truth]
    assert all(before < after for before, after in pairwise(brighter))
    assert np.abs(truth[:, :, :4, :4] - truth[0, :, :4, :4]).max() < 1e-6


def test_noise_is_not_shared_by_the_states():
    drawn = draw_progression("growing-disc", seed=0, noise=0.05)
    rest = (drawn.first - drawn.truth[0]).ravel(), (drawn.last - drawn.truth[-1]).ravel()
    assert abs(np.corrcoef(*rest)[0, 1]) < 0.05
    assert abs(rest[0].std() - 0.05) < 0.005


@pytest.mark.parametrize(
    ("kind", "settings", "error"),
    [
        ("growing-disk", {"seed": 0}, UnknownNameError),
        ("growing-disc", {"seed": -1}, InvalidInputError),
        ("growing-disc", {"seed": 0, "frames": 1}, InvalidInputError),
        ("growing-disc", {"seed": 0, "size": 8}, InvalidInputError),
        ("growing-disc", {"seed": 0, "noise": float("nan")}, InvalidInputError),
    ],
)
def test_what_cannot_be_drawn_is_refused(kind, settings, error):
    with pytest.raises(error):
        draw_progression(kind, **settings)
