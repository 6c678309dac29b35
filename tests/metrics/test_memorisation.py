import numpy as np
import pytest

from sequela.core import InvalidInputError
from sequela.metrics.memorisation import Nearest, memorisation, nearest, nearest_vectors


def test_a_copy_is_found_under_another_brightness_and_contrast():
    rng = np.random.default_rng(0)
    references = rng.normal(size=(20, 16, 16))
    found = nearest(0.3 * references[[7]] + 5, references)
    assert found.index.tolist() == [7]
    assert found.similarity[0] > 0.999999
    assert found.distance[0] < 1e-6


def test_an_inverted_copy_is_not_similar():
    rng = np.random.default_rng(1)
    references = rng.normal(size=(1, 16, 16))
    assert nearest(-references, references).similarity[0] < -0.999


def test_strangers_are_far():
    rng = np.random.default_rng(2)
    found = nearest(rng.normal(size=(5, 32, 32)), rng.normal(size=(50, 32, 32)))
    assert found.similarity.max() < 0.2


def test_a_flat_image_is_like_none():
    found = nearest(np.ones((1, 4, 4)), np.random.default_rng(0).normal(size=(3, 4, 4)))
    assert found.similarity[0] == 0


def test_vectors_are_compared_by_direction():
    found = nearest_vectors(np.array([[0.0, 3.0]]), np.array([[1.0, 0.0], [1.0, 1.0]]))
    assert found.index.tolist() == [1]
    assert found.similarity[0] == pytest.approx(np.sqrt(0.5))


def at(distances):
    return Nearest(similarity=1 - np.asarray(distances, float), index=np.zeros(len(distances), int))


def test_the_rule_of_a_hand_worked_case():
    """Held-out distances 1 to 21: 5 % lie below 2."""
    found = memorisation(at([1.9, 2.0, 22.0]), at(np.arange(1, 22)))
    assert found.limit == pytest.approx(2)
    assert found.nearer.tolist() == [True, False, False]
    assert found.share == pytest.approx(1 / 3)
    assert found.margin == pytest.approx(2 / 11)


def test_a_generator_of_new_images_is_suspected_as_often_as_real_people_and_a_copier_always():
    rng = np.random.default_rng(0)
    train, held_out, honest = (rng.normal(size=(n, 12, 12)) for n in (100, 200, 200))
    copies = train + 0.3 * rng.normal(size=train.shape)
    real = nearest(held_out, train)
    assert memorisation(nearest(honest, train), real).share < 0.12
    assert memorisation(nearest(copies, train), real).share == 1


def test_too_few_held_out_images_set_no_limit():
    with pytest.raises(InvalidInputError, match=r"at least 20 images .* got 19"):
        memorisation(at([1.0]), at(np.arange(19)))
