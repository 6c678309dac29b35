"""The bundled lesion forecaster: it loads, it is small, it says what it learned, it forecasts."""

import numpy as np
import pytest

from sequela.checkpoints import find_network
from sequela.cohorts.synthetic.trial import draw_subject, load_arms
from sequela.core import CheckpointError
from sequela.simulators.lesions.counterfactual import compare
from sequela.simulators.lesions.forecast import Sampling, forecast
from sequela.simulators.lesions.places import free_voxels, place_visit
from sequela.simulators.lesions.prepare import prepare_images
from sequela.simulators.lesions.question import Question
from sequela.simulators.lesions.store import BUNDLED, load_lesion_forecaster

FEW = Sampling(samples=3)


@pytest.fixture(scope="module")
def network():
    return load_lesion_forecaster(BUNDLED)[0]


@pytest.fixture(scope="module")
def visit(network):
    subject = draw_subject(77)
    drawn = prepare_images(
        subject.images(), subject.grid, lesions=subject.baseline_mask, brain=subject.brain_mask
    )
    return place_visit(drawn, network.config)


def ask(treatment, years=2.0):
    return Question(treatment=treatment, horizon_years=years, age_years=35.0)


def test_it_is_small_and_its_card_tells_what_it_is_for():
    _, card = load_lesion_forecaster(BUNDLED)
    assert find_network(BUNDLED).stat().st_size < 2e6
    assert card["name"] == BUNDLED
    assert "drawn patients" in card["licence"]
    assert card["data"]["training_patients"] >= 1000
    assert "No treatment advice" in card["intended_use"]


def test_masks_hold_the_counts_that_were_drawn_in_free_voxels(network, visit):
    made = forecast(network, visit, ask("placebo"), FEW)
    np.testing.assert_array_equal(made.counts, made.drawn_counts)
    assert not (made.masks & ~free_voxels(visit)).any()
    assert made.chances.min() >= 0
    assert made.chances.max() < 0.6
    assert 2 < made.expected_count < 30  # a placebo patient of the trial has 10 on average


def test_stronger_arms_have_fewer_lesions_and_no_arm_any_at_horizon_0(network, visit):
    made = compare(network, visit, ask("placebo"), ["glatiramer", "natalizumab"], FEW)
    ratios = [1 / one.rate_ratio for one in made.values()]
    assert 0.05 < ratios[1] < ratios[0] < 0.9
    at_once = compare(network, visit, ask("placebo", 0.0), list(load_arms())[1:], FEW)
    assert all(one.expected_spared == 0 for one in at_once.values())
    assert not any(one.difference.any() for one in at_once.values())


def test_longer_horizons_bring_more_lesions(network, visit):
    counts = [
        forecast(network, visit, ask("placebo", years), Sampling(samples=1)).expected_count
        for years in (0.5, 1.0, 2.0, 3.0)
    ]
    assert counts == sorted(counts)


def test_another_kind_of_network_is_refused():
    with pytest.raises(CheckpointError, match="must be of format sequela-lesion-forecaster-1"):
        load_lesion_forecaster("chest-identity")
