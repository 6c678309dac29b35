import numpy as np
import pytest

from sequela.core import InvalidInputError
from sequela.metrics.diversity import diversity, pixel_spread


def test_diversity_of_a_hand_worked_case():
    """Two at right angles and one between: distances 1, 1 - cos 45, 1 - cos 45."""
    vectors = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    assert diversity(vectors) == pytest.approx((1 + 2 * (1 - np.sqrt(0.5))) / 3)


def test_seeds_that_say_nothing_have_no_diversity():
    assert diversity(np.ones((4, 8))) == pytest.approx(0)
    assert pixel_spread(np.ones((4, 1, 3, 3)), np.ones((3, 3))) == 0


def test_pixel_spread_counts_the_region_alone():
    states = np.zeros((2, 1, 2, 2))
    states[0, 0, 0, 0], states[1, 0, 0, 0] = -1, 1  # standard deviation sqrt(2)
    states[1, 0, 1, 1] = 100  # outside
    region = np.array([[1.0, 0.5], [0.0, 0.0]])
    assert pixel_spread(states, region) == pytest.approx(np.sqrt(2) / 1.5)


def test_one_seed_is_no_diversity():
    with pytest.raises(InvalidInputError, match="at least 2 seeds"):
        diversity(np.ones((1, 3)))
