import numpy as np
import pytest

from sequela.core import InvalidInputError
from sequela.metrics import Platt, reliability


def drawn(seed, cases=20_000):
    """Logits whose true probability is sigmoid(0.5 logit - 1)."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 3, cases)
    return logits, draw.random(cases) < 1 / (1 + np.exp(1 - 0.5 * logits))


def test_platt_recovers_a_known_slope_and_offset():
    fitted = Platt.fit(*drawn(0))
    assert fitted.slope == pytest.approx(0.5, abs=0.02)
    assert fitted.offset == pytest.approx(-1, abs=0.05)


def test_calibration_lowers_the_error_on_other_cases():
    fitted, (logits, ill) = Platt.fit(*drawn(0)), drawn(1)
    before = reliability(Platt()(logits), ill).error
    after = reliability(fitted(logits), ill).error
    assert before > 0.15
    assert after < 0.02


def test_the_error_of_a_hand_worked_case():
    shown = reliability(np.array([0.1, 0.3, 0.6, 0.8]), np.array([0, 1, 1, 1], bool), bins=2)
    np.testing.assert_allclose(shown.predicted, [0.2, 0.7])
    np.testing.assert_allclose(shown.observed, [0.5, 1.0])
    assert shown.error == pytest.approx(0.3)


def test_one_class_cannot_be_calibrated():
    with pytest.raises(InvalidInputError, match="both classes"):
        Platt.fit(np.zeros(3), np.ones(3, bool))


def test_fewer_cases_than_bins_leave_no_empty_bin():
    assert reliability(np.array([0.2, 0.9]), np.array([False, True]), bins=10).cases.tolist() == [
        1,
        1,
    ]
