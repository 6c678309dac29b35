"""KID against a second implementation, hand-worked values and what unbiased means."""

import numpy as np
import pytest

from sequela.core import InvalidInputError
from sequela.metrics.kid import kid, squared_distance


def one_by_one(made, real):
    """The definition, a pair at a time."""

    def kernel(x, y):
        return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3

    total = 0.0
    for group in (made, real):
        count = len(group)
        own = [kernel(group[i], group[j]) for i in range(count) for j in range(count) if i != j]
        total += sum(own) / (count * (count - 1))
    across = [kernel(x, y) for x in made for y in real]
    return total - 2 * sum(across) / len(across)


def test_it_agrees_with_the_definition_a_pair_at_a_time():
    draw = np.random.default_rng(0)
    made, real = draw.normal(size=(12, 5)), draw.normal(0.3, 1.2, size=(9, 5))
    assert squared_distance(made, real) == pytest.approx(one_by_one(made, real))


def test_two_points_against_two_points_by_hand():
    """One feature; within: (1 x 1 + 1)^3 = 8 and (0 + 1)^3 = 1; across 1: 8 + 1 - 2."""
    assert squared_distance(np.ones((2, 1)), np.zeros((2, 1))) == pytest.approx(8 + 1 - 2)


def test_two_halves_of_one_set_lie_around_0_on_both_sides():
    values = []
    for seed in range(200):
        draw = np.random.default_rng(seed)
        values.append(squared_distance(*draw.normal(size=(2, 20, 4))))
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(200)
    assert min(values) < 0 < max(values)


def test_another_distribution_lies_far_and_the_farther_the_farther():
    draw = np.random.default_rng(0)
    real = draw.normal(size=(200, 8))
    found = [kid(draw.normal(m, 1, (200, 8)), real, features="x").value for m in (0, 0.5, 1)]
    assert found[0] < 0.05 < found[1] < found[2]


def test_subsets_are_cut_to_the_smaller_set_and_the_features_are_named():
    draw = np.random.default_rng(0)
    made, real = draw.normal(size=(30, 4)), draw.normal(size=(500, 4))
    found = kid(made, real, features="chest-judge", subset_size=100, subsets=20)
    assert (found.subset_size, found.subsets, found.features) == (30, 20, "chest-judge")
    assert found == kid(made, real, features="chest-judge", subset_size=100, subsets=20)


def test_one_image_is_too_few():
    with pytest.raises(InvalidInputError, match="at least 2 images each, got 1 and 5"):
        kid(np.ones((1, 3)), np.ones((5, 3)), features="x")
