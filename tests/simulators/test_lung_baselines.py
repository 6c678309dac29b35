"""Baselines of lung forecasts: exact where they must be, and none beats the oracle."""

import numpy as np
import pytest

from sequela.cohorts.synthetic.lungs import draw_patient
from sequela.core.errors import InvalidInputError
from sequela.imaging.grid import Grid
from sequela.simulators.baselines.lungs import (
    fit_drift,
    last_scan,
    latent_linear,
    linear,
    oracle,
    read_extent,
)

COARSE = Grid.upright((16, 48, 48), (16.0, 7.0, 7.0))
YEARS = np.array([0.0, 1.0, 3.0])


def ramp(years: np.ndarray) -> np.ndarray:
    return np.broadcast_to((-800 + 50 * years)[:, None, None, None], (len(years), 2, 3, 4))


def test_the_last_scan_is_the_newest_before_the_date() -> None:
    asked = np.array([0.5, 1.0, 2.9, 9.0, -1.0])
    made = last_scan(ramp(YEARS), YEARS, asked)
    np.testing.assert_allclose(made[:, 0, 0, 0], [-800, -750, -750, -650, -800])


def test_lines_are_exact_on_lines_inside_and_beyond_and_keep_to_the_range_of_ct() -> None:
    asked = np.array([0.25, 1.0, 2.0, 5.0])
    np.testing.assert_allclose(linear(ramp(YEARS), YEARS, asked), ramp(asked), atol=1e-3)
    assert linear(ramp(YEARS), YEARS, np.array([99.0])).max() == 1500


def test_latent_lines_run_among_latents() -> None:
    root = latent_linear(lambda v: np.sqrt(v), lambda z: z**2)
    squares = np.square(np.array([1.0, 2.0]))[:, None, None, None] * np.ones((2, 2, 2, 2))
    made = root(squares, np.array([0.0, 1.0]), np.array([2.0]))
    np.testing.assert_allclose(made, 9.0, rtol=1e-6)


def test_population_drift_learns_the_mean_change_of_a_year() -> None:
    lungs = np.ones((2, 3, 4), bool)
    drift = fit_drift([(ramp(YEARS), YEARS, lungs)] * 2, smooth=0.5)
    made = drift(ramp(YEARS[:1]), YEARS[:1], np.array([2.0]))
    np.testing.assert_allclose(made, ramp(np.array([2.0])), atol=1e-3)


def test_dates_out_of_order_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="years"):
        linear(ramp(YEARS), YEARS[::-1], np.array([1.0]))


def test_the_oracle_reads_extents_off_scans() -> None:
    patient = draw_patient(1, grid=COARSE)
    for years in (0.0, 2.0):
        assert read_extent(patient, patient.scan(years)) == pytest.approx(
            patient.extent(years), abs=0.02
        )


def test_the_oracle_beats_persistence_and_lines_on_every_law() -> None:
    for seed, law in ((1, "linear"), (3, "logistic"), (8, "stepwise")):
        patient = draw_patient(seed, law=law, arm="placebo", grid=COARSE)
        years, asked = np.array([0.0, 1.0]), np.array([3.5])
        scans = np.stack([patient.scan(y) for y in years])
        inside, truth = patient.lung_mask(), patient.truth(3.5)

        def error(
            made: np.ndarray, inside: np.ndarray = inside, truth: np.ndarray = truth
        ) -> float:
            return float(np.square(made[0] - truth)[inside].mean())

        best = error(oracle(patient)(scans, years, asked))
        assert best < 0.6 * error(last_scan(scans, years, asked))
        assert best < 0.6 * error(linear(scans, years, asked))
