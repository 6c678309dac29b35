import numpy as np
import pytest

from sequela.core import InvalidInputError
from sequela.metrics.alignment import alignment, similarities

PATIENTS = np.array(["a", "b", "c"])


def test_alignment_of_a_hand_worked_case():
    scores = np.array([[3.0, 1.0, 2.0], [0.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    found = alignment(scores, np.array([0, 1, 2]), PATIENTS, draws=50)
    assert found.matched.value == pytest.approx((3 + 1 + 0) / 3)
    assert found.shuffled.value == pytest.approx((1.5 + 1 + 0) / 3)
    assert found.gain.value == pytest.approx((1.5 + 0 + 0) / 3)
    assert found.first_choice.value == pytest.approx(1 / 3)  # a tie is no choice
    assert found.chance == pytest.approx(1 / 3)


def test_a_model_that_reads_gains_and_one_that_does_not_does_not():
    draw = np.random.default_rng(0)
    own = draw.integers(0, 4, 200)
    blind = draw.normal(size=(200, 4))
    reading = blind + 1.5 * np.eye(4)[own]
    patients = np.arange(200)
    told, untold = (alignment(s, own, patients, draws=300).gain for s in (reading, blind))
    assert told.low > 1
    assert untold.low < 0 < untold.high


def test_a_scorer_that_likes_every_image_better_does_not_help():
    scores = np.array([[5.0, 5.0], [1.0, 1.0]])
    assert alignment(scores, np.array([0, 1]), PATIENTS[:2], draws=20).gain.value == 0


def test_similarities_are_cosines():
    found = similarities(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([[2.0, 0.0], [0.0, 3.0]]))
    np.testing.assert_allclose(found, [[1, 0], [np.sqrt(0.5), np.sqrt(0.5)]])


def test_one_text_cannot_be_shuffled():
    with pytest.raises(InvalidInputError, match="at least 2 texts"):
        alignment(np.ones((3, 1)), np.zeros(3, int), PATIENTS)
