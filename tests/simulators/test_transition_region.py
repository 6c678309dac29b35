"""Region control: what moves inside, outside and where it is protected."""

import numpy as np
import pytest

from sequela.core import GeometryMismatchError, InvalidInputError, UnknownNameError
from sequela.simulators.transition import Confinement, Transitions
from sequela.simulators.transition.pixels import CrossFade

RNG = np.random.default_rng(0)
FIRST, LAST = RNG.uniform(-1, 1, (2, 1, 24, 24)).astype(np.float32)
REGION = np.zeros((24, 24), np.float32)
REGION[6:18, 6:18] = 1
OUTSIDE = REGION == 0


class Jumper(CrossFade):
    """Draws white frames between the states, so that all it is allowed to change shows."""

    def between(self, first, last, *, weights, text, seed):
        clip = np.ones((len(weights), *first.shape), np.float32)
        clip[0], clip[-1] = first, last
        return clip


def _clip(frames=5, last=LAST, **settings):
    confinement = Confinement(**{"region": REGION, **settings})
    return Transitions(engine=Jumper(), frames=frames, confinement=confinement).clip(FIRST, last)


def test_outside_moves_linearly_by_default_and_inside_as_drawn():
    clip = _clip()
    for number, frame in enumerate(clip):
        line = FIRST + np.float32(number / 4) * (LAST - FIRST)
        assert np.allclose(frame[:, OUTSIDE], line[:, OUTSIDE], atol=1e-6)
    assert np.allclose(clip[2][:, ~OUTSIDE], 1, atol=1e-6)


def test_as_published_outside_shows_the_mean_between_its_ends():
    clip = _clip(outside="paper")
    mean = (FIRST + LAST) / 2
    assert all(np.allclose(frame[:, OUTSIDE], mean[:, OUTSIDE]) for frame in clip[1:-1])
    assert np.array_equal(clip[0], FIRST)
    assert np.array_equal(clip[-1], LAST)


def test_where_the_states_agree_outside_not_a_bit_moves():
    last = np.where(OUTSIDE, FIRST, LAST)
    clip = _clip(frames=7, last=last)
    assert all(np.array_equal(frame[:, OUTSIDE], FIRST[:, OUTSIDE]) for frame in clip)


@pytest.mark.parametrize("feather_px", [0.0, 3.0])
def test_protected_pixels_are_constant_up_to_the_last_state(feather_px):
    protected = np.zeros((24, 24), np.float32)
    protected[10:12, 10:12] = 0.3
    clip = _clip(protected=protected, feather_px=feather_px)
    held = protected > 0
    assert all(np.array_equal(frame[:, held], FIRST[:, held]) for frame in clip[:-1])
    assert np.array_equal(clip[-1], LAST)


def test_a_feathered_region_is_softened_inwards_only():
    clip = _clip(feather_px=4.0)
    line = (FIRST + LAST) / 2
    assert np.allclose(clip[2][:, OUTSIDE], line[:, OUTSIDE], atol=1e-6)
    assert (clip[2][0, 6, 8:16] < 1).all()
    assert clip[2][0, 12, 12] == 1


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"outside": "ramps"}, UnknownNameError),
        ({"feather_px": -1.0}, InvalidInputError),
        ({"region": 2 * REGION}, InvalidInputError),
        ({"region": REGION[:-1]}, GeometryMismatchError),
        ({"protected": REGION[:-1]}, GeometryMismatchError),
    ],
)
def test_regions_that_make_no_sense_are_refused(settings, error):
    with pytest.raises(error):
        _clip(**settings)
