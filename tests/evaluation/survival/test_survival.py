"""Survival from code histograms: known answers, and nothing found where nothing is."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sequela.core.errors import InvalidInputError
from sequela.evaluation.survival import (
    Outcomes,
    Selection,
    change_per_year,
    code_histogram,
    concordance,
    concordance_difference,
    cross_fit,
    fit_cox,
    forest,
    in_sample,
    kaplan_meier,
    permuted_null,
    screen_codes,
    survival_table,
)
from sequela.evaluation.survival.outcomes import folds_of
from sequela.evaluation.survival.screening import cox_each

CODES, PLANTED = 24, 7


@cache
def planted(patients: int = 240, effect: float = 1.2) -> tuple[np.ndarray, Outcomes]:
    """Histograms of which one code drives the hazard, and the outcomes."""
    rng = np.random.default_rng([11, patients])
    histograms = rng.dirichlet(np.full(CODES, 3.0), patients)
    code = histograms[:, PLANTED]
    chart = np.stack([rng.normal(68, 8, patients), *rng.integers(0, 2, (2, patients))], 1)
    score = effect * (code - code.mean()) / code.std() + 0.2 * (chart[:, 0] - 68) / 8
    death, end = rng.exponential(4 / np.exp(score)), rng.uniform(2, 8, patients)
    return histograms, Outcomes(
        time_years=np.minimum(death, end), died=death <= end, chart=chart.astype(float)
    )


def noise() -> tuple[np.ndarray, Outcomes]:
    histograms, outcomes = planted()
    deal = np.random.default_rng(3).permutation(len(outcomes))
    return histograms, Outcomes(
        time_years=outcomes.time_years[deal], died=outcomes.died[deal], chart=outcomes.chart
    )


def test_a_histogram_is_the_share_of_the_lungs_and_ignores_the_rest() -> None:
    codes = np.array([[0, 1, 1], [2, 2, 2]])
    lungs = np.array([[True, True, True], [True, False, False]])
    share = code_histogram(codes, lungs, num_codes=4)
    np.testing.assert_allclose(share, [0.25, 0.5, 0.25, 0])


def test_an_empty_lung_and_a_code_beyond_the_codebook_are_refused() -> None:
    codes = np.zeros((2, 2), int)
    with pytest.raises(InvalidInputError, match="lungs"):
        code_histogram(codes, np.zeros((2, 2), bool), num_codes=4)
    with pytest.raises(InvalidInputError, match="codebook"):
        code_histogram(codes + 4, np.ones((2, 2), bool), num_codes=4)


def test_change_is_counted_by_the_year() -> None:
    change = change_per_year(np.array([[0.1]]), np.array([[0.3]]), np.array([2.0]))
    assert change.item() == pytest.approx(0.1)


def test_concordance_of_a_hand_worked_case() -> None:
    # pairs that can be compared: 0-1 0-2 0-3 (dead at 1), 2-3 (dead at 3); 1 is censored at 2
    outcomes = Outcomes(
        time_years=np.array([1.0, 2.0, 3.0, 4.0]),
        died=np.array([True, False, True, False]),
        chart=np.zeros((4, 3)),
    )
    # 0-1 right, 0-2 wrong, 0-3 tied, 2-3 right
    assert concordance(np.array([2.0, 1.0, 3.0, 2.0]), outcomes) == pytest.approx(2.5 / 4)
    fold = np.array([0, 0, 1, 1])
    assert concordance(np.array([2.0, 1.0, 3.0, 2.0]), outcomes, fold=fold) == 1.0


def test_a_difference_of_a_risk_with_itself_is_nought_and_of_opposites_is_known() -> None:
    histograms, outcomes = planted()
    risk = histograms[:, PLANTED]
    same = concordance_difference(risk, risk, outcomes, draws=50)
    assert (same.low, same.value, same.high) == (0, 0, 0)
    turned = concordance_difference(risk, -risk, outcomes, draws=50)
    assert turned.value == pytest.approx(2 * concordance(risk, outcomes) - 1)
    assert turned.low > 0


def test_folds_share_the_deaths_evenly() -> None:
    died = np.arange(103) % 4 == 0
    fold = folds_of(died, 5, seed=0)
    deaths = [int(died[fold == k].sum()) for k in range(5)]
    assert max(deaths) - min(deaths) <= 1
    with pytest.raises(InvalidInputError, match="deaths"):
        folds_of(np.array([True, False, False]), 2, seed=0)


def test_the_planted_code_is_found_and_is_the_first() -> None:
    histograms, outcomes = planted()
    screen = screen_codes(histograms, outcomes)
    assert screen.chosen[0] == PLANTED
    assert (screen.hazard_ratio[:, PLANTED] > 1.5).all()
    assert len(screen.chosen) <= 5


def test_a_code_that_protects_is_not_chosen() -> None:
    histograms, outcomes = planted()
    turned = histograms.copy()
    turned[:, PLANTED] *= -1
    assert PLANTED not in screen_codes(turned, outcomes).chosen


def test_noise_gives_hardly_a_code() -> None:
    histograms, outcomes = noise()
    assert len(screen_codes(histograms, outcomes).chosen) <= 1


def test_follow_up_that_ends_at_once_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="time_years"):
        Outcomes(time_years=np.zeros(1), died=np.ones(1, bool), chart=np.zeros((1, 3)))


class TestWithLifelines:
    """Needs the `survival` extra."""

    @pytest.fixture(autouse=True)
    def _extra(self) -> None:
        pytest.importorskip("lifelines")

    def test_rossi_has_the_published_coefficients(self) -> None:
        from lifelines.datasets import load_rossi

        rossi = load_rossi()
        columns = ["fin", "race", "wexp", "mar", "paro", "prio", "age"]
        values = rossi[columns].to_numpy(float)
        outcomes = Outcomes(
            time_years=rossi["week"].to_numpy(float),
            died=rossi["arrest"].to_numpy(bool),
            chart=values[:, 4:],
        )
        model = fit_cox(values[:, :4], outcomes, names=tuple(columns[:4]))
        # lifelines' documentation, CoxPHFitter on Rossi (equal to R's coxph)
        published = [-0.379, 0.314, -0.150, -0.434, -0.085, 0.091, -0.057]
        np.testing.assert_allclose(model.log_ratios / model.spread, published, atol=6e-4)
        assert concordance(model.risk(values[:, :4], outcomes), outcomes) == pytest.approx(
            0.64, abs=0.005
        )

    def test_our_screen_and_our_concordance_agree_with_lifelines(self) -> None:
        from lifelines.utils import concordance_index

        histograms, outcomes = planted()
        beta, p_values = cox_each(histograms[:, :3] / histograms[:, :3].std(0), outcomes)
        for code in range(3):
            model = fit_cox(histograms[:, [code]], outcomes, ridge=0.0)
            assert beta[code, 0] == pytest.approx(model.log_ratios[0], abs=1e-4)
            assert p_values[code] == pytest.approx(model.p_values[0], rel=1e-3)
        risk = histograms[:, PLANTED]
        theirs = concordance_index(outcomes.time_years, -risk, outcomes.died)
        assert concordance(risk, outcomes) == pytest.approx(theirs, abs=1e-12)

    def test_few_deaths_call_for_ridge_and_it_is_told(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        histograms, outcomes = planted()
        few = outcomes.only(np.arange(60))
        with caplog.at_level("INFO"):
            model = fit_cox(histograms[:60, :8], few)
        assert model.ridge > 0
        assert "events per variable" in caplog.text
        assert (
            np.abs(model.log_ratios).max()
            < np.abs(fit_cox(histograms[:60, :8], few, ridge=0.0).log_ratios).max()
        )

    def test_the_planted_code_is_found_without_the_judged_patients(self) -> None:
        histograms, outcomes = planted()
        fit = cross_fit(histograms, outcomes)
        assert all(PLANTED in codes for codes in fit.chosen)
        estimate = fit.c_index(outcomes, draws=100)
        truth = concordance(histograms[:, PLANTED], outcomes)
        assert estimate.value == pytest.approx(truth, abs=0.05)
        assert estimate.low > 0.6

    def test_dealt_outcomes_give_a_half_out_of_sample_but_more_in_sample(self) -> None:
        histograms, outcomes = planted()
        loose = Selection(largest_p=1.0, smallest_c=0.0, most=8)
        null = permuted_null(
            histograms[:100, :10], outcomes.only(np.arange(100)), rules=loose, permutations=6
        )
        assert null.mean() == pytest.approx(0.5, abs=0.06)
        nothing = noise()
        assert in_sample(nothing[0][:60], nothing[1].only(np.arange(60)), rules=loose) > 0.6

    def test_generated_scans_are_judged_by_models_of_real_ones(self) -> None:
        histograms, outcomes = planted()
        blurred = histograms + np.random.default_rng(0).normal(0, 0.03, histograms.shape)
        rows = survival_table({"now": histograms}, {"now": blurred}, outcomes, draws=40)
        chart, real, generated = rows
        assert real.over_chart is not None
        assert real.over_chart.low > 0
        assert generated.against_real is not None
        assert generated.against_real.value < 0
        assert chart.out_of_sample.value < real.out_of_sample.value

    def test_the_pictures_are_drawn_and_marked(self, tmp_path: Path) -> None:
        histograms, outcomes = planted()
        p_value = kaplan_meier(histograms[:, PLANTED], outcomes, tmp_path / "km.png")
        assert p_value < 1e-4
        forest(fit_cox(histograms[:, [PLANTED, 0]], outcomes), tmp_path / "forest.png")
        for name in ("km.png", "forest.png"):
            with Image.open(tmp_path / name) as picture:
                assert picture.info["synthetic"] == "true"
                assert np.asarray(picture.convert("L")).std() > 5
