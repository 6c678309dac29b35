import numpy as np

from sequela.metrics import nearest


def test_a_copy_is_found_under_another_brightness_and_contrast():
    rng = np.random.default_rng(0)
    references = rng.normal(size=(20, 16, 16))
    found = nearest(0.3 * references[[7]] + 5, references)
    assert found.index.tolist() == [7]
    assert found.correlation[0] > 0.999999


def test_an_inverted_copy_is_not_similar():
    rng = np.random.default_rng(1)
    references = rng.normal(size=(1, 16, 16))
    assert nearest(-references, references).correlation[0] < -0.999


def test_strangers_are_far():
    rng = np.random.default_rng(2)
    found = nearest(rng.normal(size=(5, 32, 32)), rng.normal(size=(50, 32, 32)))
    assert found.correlation.max() < 0.2
