"""Motion against cross-fade: decoys score about 0, what moves towards 1."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from sequela.core import InvalidInputError
from sequela.imaging import Morph
from sequela.metrics.video_motion import motion, warping_error

WEIGHTS = np.linspace(0, 1, 5, dtype=np.float32)


def _scene(at: float) -> np.ndarray:
    """A bright square with a texture of its own crosses a textured field."""
    rng = np.random.default_rng(0)
    field, own = (gaussian_filter(rng.standard_normal((72, 72)), s) for s in (1.5, 2.0))
    down, across = np.mgrid[0:72, 0:72]
    inside = (np.abs(down - 36) < 14) & (np.abs(across - 26 - 12 * at) < 13)
    carried = 0.4 + 0.5 * shift(own, (0, 12 * at), order=3, mode="wrap")
    soft = gaussian_filter(inside.astype(float), 0.7)
    return (0.3 * field * (1 - soft) + carried * soft).clip(-1, 1)[None].astype(np.float32)


@pytest.fixture(scope="module")
def ends():
    return _scene(0.0), _scene(1.0)


@pytest.fixture(scope="module")
def fade(ends):
    return np.stack([ends[0] + w * (ends[1] - ends[0]) for w in WEIGHTS])


def _inside(clip, change):
    changed = clip.copy()
    changed[1:-1] = np.stack([change(frame) for frame in clip[1:-1]])
    return changed.clip(-1, 1).astype(np.float32)


def _grain(frame, amount):
    # each frame has grain of its own, drawn from what it shows so that tests keep no order
    seed = int(1e6 * abs(float(frame.mean())))
    return amount * np.random.default_rng(seed).standard_normal(frame.shape)


def _shaken(frame):
    seed = int(1e6 * abs(float(frame.mean())))
    by = np.random.default_rng(seed).uniform(-2, 2, 2)
    return shift(frame, (0, *by), order=1, mode="nearest")


DECOYS = {
    "nothing": lambda x: x,
    "noise": lambda x: x + _grain(x, 0.05),
    "blur": lambda x: gaussian_filter(x, (0, 2, 2)),
    "jitter": _shaken,
    "contrast": lambda x: 1.15 * x + 0.05,
    "all of it": lambda x: _shaken(gaussian_filter(x, (0, 1, 1))) + _grain(x, 0.05),
}


@pytest.mark.parametrize("disguise", DECOYS)
def test_a_cross_fade_in_any_disguise_does_not_move(fade, disguise):
    found = motion(_inside(fade, DECOYS[disguise]))
    assert abs(found.score) < 0.03 + 3 * found.standard_error
    assert found.standard_error < 0.06


def test_a_cross_fade_at_uneven_speed_and_a_soft_wipe_do_not_move(ends):
    eased = np.stack([ends[0] + w * w * (ends[1] - ends[0]) for w in WEIGHTS])
    place = np.linspace(0, 1, 72)
    wiped = np.stack(
        [ends[0] + np.clip(2 * w - place, 0, 1) * (ends[1] - ends[0]) for w in WEIGHTS]
    )
    assert abs(motion(eased).score) < 0.05
    assert abs(motion(wiped.astype(np.float32)).score) < 0.05


def test_true_motion_scores_towards_one_also_under_noise_and_at_uneven_speed():
    true = np.stack([_scene(float(w)) for w in WEIGHTS])
    eased = np.stack([_scene(float(w * w * (3 - 2 * w))) for w in WEIGHTS])
    assert motion(true).score > 0.7
    assert motion(_inside(true, DECOYS["noise"])).score > 0.7
    assert motion(eased).score > 0.7


def test_half_blend_and_half_morph_score_one_half(ends, fade):
    morph = Morph.of(*ends).frames(WEIGHTS)
    assert motion((fade + morph) / 2).score == pytest.approx(0.5, abs=0.1)
    assert motion(morph).score == pytest.approx(1, abs=0.02)


def test_where_the_flow_explains_nothing_there_is_no_score():
    rng = np.random.default_rng(2)
    first, last = rng.uniform(-1, 1, (2, 1, 48, 48)).astype(np.float32)
    found = motion(np.stack([first, (first + last) / 2, last]))
    assert np.isnan(found.score)
    assert found.explained < 0.35


def test_equal_ends_have_no_motion_to_ask_for(ends):
    assert np.isnan(motion(np.stack([ends[0]] * 3)).score)


def test_a_clip_of_two_frames_is_refused(ends):
    with pytest.raises(InvalidInputError, match="clip"):
        motion(np.stack(ends))


def test_flicker_raises_the_warping_error_and_steady_motion_hardly_does():
    still = np.stack([_scene(0.5)] * 3)
    steady = np.stack([_scene(0.45), _scene(0.5), _scene(0.55)])
    flicker = _inside(still, lambda x: x + 0.3)
    assert warping_error(still) < 1e-3
    assert warping_error(steady) < 0.02
    assert warping_error(flicker) > 0.1
