"""Stage 2: where it starts, what it is held to, and what it may not see."""

import math
from dataclasses import replace

import pytest
import torch

from sequela.core import InvalidInputError
from sequela.dynamics import Solver
from sequela.simulators.lungs import Forecaster, ForecasterConfig, Visits

SHAPE = (4, 3, 4, 5)
SMALL = ForecasterConfig(
    latent_channels=4, hidden=4, field_hidden=4, solver=Solver(name="rk4", step=0.1)
)
KINDS = {
    "published": SMALL,
    "time aware": replace(SMALL, is_time_aware=True, are_dates_exact=True, hidden=6),
    "bridged": replace(SMALL, is_bridged=True, are_dates_exact=True),
    "scaled": replace(SMALL, latent_scale=0.37),
    "timed field": replace(SMALL, is_field_timed=True),
    "stochastic": replace(SMALL, is_stochastic=True),
}
YEARS = torch.tensor([[0.0, 1.0, 2.5], [0.0, 0.5, 4.0]])


def forecaster(config):
    torch.manual_seed(0)
    network = Forecaster(config).eval()
    with torch.no_grad():  # as after some training: something changes
        network.head.weight.normal_(0, 0.1)
    return network


def visits(seed=0, seen=((True, True, False), (True, True, False))):
    draw = torch.Generator().manual_seed(seed)
    latents = torch.randn(2, 3, *SHAPE, generator=draw)
    return Visits(latents=latents, is_seen=torch.tensor(seen), years=YEARS)


@pytest.mark.parametrize("config", KINDS.values(), ids=KINDS)
def test_time_0_is_the_baseline_bit_for_bit(config):
    known = visits()
    with torch.no_grad():
        made = forecaster(config)(known, torch.tensor([[0.0, 3.0], [0.0, 3.0]]))
    assert torch.equal(made[:, 0], known.latents[:, 0])
    assert (made[:, 1] - known.latents[:, 0]).abs().max() > 1e-3


def test_as_published_even_the_baseline_is_altered():
    known = visits()
    with torch.no_grad():
        made = forecaster(replace(SMALL, legacy=True))(known, torch.zeros(2, 1))
    assert (made[:, 0] - known.latents[:, 0]).abs().max() > 1e-3


def test_a_forecaster_that_has_not_learned_says_that_nothing_changes():
    known = visits()
    torch.manual_seed(0)
    with torch.no_grad():
        made = Forecaster(SMALL)(known, YEARS)
    torch.testing.assert_close(made, known.latents[:, :1].expand_as(made), atol=0, rtol=0)


def test_a_bridged_forecast_passes_through_the_scans_it_was_given():
    known = visits()
    with torch.no_grad():
        made = forecaster(KINDS["bridged"])(known, YEARS)
    torch.testing.assert_close(made[:, :2], known.latents[:, :2], atol=1e-5, rtol=0)
    assert (made[:, 2] - known.latents[:, 1]).abs().max() > 1e-3


@pytest.mark.parametrize("config", KINDS.values(), ids=KINDS)
def test_scans_that_are_not_given_are_not_seen(config):
    known = visits()
    changed = replace(known, latents=known.latents.clone())
    changed.latents[:, 2] = 99.0
    with torch.no_grad():
        network = forecaster(config)
        assert torch.equal(network(known, YEARS), network(changed, YEARS))


@pytest.mark.parametrize("config", KINDS.values(), ids=KINDS)
def test_a_batch_is_its_patients_one_by_one(config):
    network, known = forecaster(config), visits(seen=((True, True, False), (True, False, True)))
    with torch.no_grad():
        together = network(known, YEARS)
        for i in range(2):
            one = slice(i, i + 1)
            alone = Visits(
                latents=known.latents[one], is_seen=known.is_seen[one], years=known.years[one]
            )
            made = network(alone, YEARS[one])
            torch.testing.assert_close(made[0], together[i], atol=1e-5, rtol=1e-4)


def test_a_longer_horizon_does_not_change_the_years_before_it():
    network, known = forecaster(KINDS["time aware"]), visits()
    with torch.no_grad():
        near = network(known, YEARS)
        far = network(known, torch.cat([YEARS, torch.full((2, 1), 9.0)], dim=1))
    torch.testing.assert_close(far[:, :3], near, atol=1e-5, rtol=1e-4)


def test_as_published_dates_are_rounded_to_half_years():
    network, known = forecaster(SMALL), visits()
    with torch.no_grad():
        made = network(known, torch.tensor([[1.2, 1.3], [1.0, 1.5]]))
    assert torch.equal(made[:, 0], network(known, torch.tensor([[1.0], [1.0]]))[:, 0])
    assert torch.equal(made[0, 1], network(known, torch.tensor([[1.5], [1.5]]))[0, 0])


def test_samples_differ_by_seed_and_agree_with_themselves():
    network, known = forecaster(KINDS["stochastic"]), visits()

    def sample(seed):
        with torch.no_grad():
            return network(known, YEARS, torch.Generator().manual_seed(seed))

    assert torch.equal(sample(1), sample(1))
    assert (sample(1) - sample(2))[:, 2].abs().max() > 1e-3
    assert torch.equal(sample(1)[:, 0], known.latents[:, 0])


def test_what_is_told_of_a_patient_bends_the_path_once_learned():
    network = forecaster(replace(SMALL, facts=("treated",)))
    for shift in network.field.shifts:
        torch.nn.init.normal_(shift.weight)
    known = visits()
    with torch.no_grad():
        paths = [network(replace(known, facts=torch.full((2, 1), x)), YEARS) for x in (0.0, 1.0)]
    assert (paths[0] - paths[1]).abs().max() > 1e-4


def test_a_learned_pace_scales_every_change_of_the_patient_it_is_told_of():
    config = replace(SMALL, facts=("treatment", "treatment_known"), has_pace=True)
    network, wanted = forecaster(config), torch.tensor([[1.0, 4.0], [1.0, 4.0]])
    known = replace(visits(), facts=torch.tensor([[0.0, 1.0], [1.0, 1.0]]))
    with torch.no_grad():
        before = network(known, wanted) - known.latents[:, :1]
        network.pace[0].weight.copy_(torch.tensor([[50.0, 0.0]]).expand(8, 2))
        network.pace[0].bias.zero_()
        network.pace[2].weight.fill_(math.log(0.5) / 8)  # tanh is 1 for the treated, else 0
        after = network(known, wanted) - known.latents[:, :1]
    torch.testing.assert_close(after[0], before[0])
    torch.testing.assert_close(after[1], 0.5 * before[1], rtol=1e-4, atol=1e-5)
    assert before[1].abs().max() > 1e-3


@pytest.mark.parametrize(
    "missing",
    [
        {},
        {"facts": ("treatment",), "has_skip": False},
        {"facts": ("treatment",), "legacy": True},
    ],
)
def test_a_pace_needs_numbers_and_changes_to_scale(missing):
    with pytest.raises(InvalidInputError, match="`has_pace` needs"):
        replace(SMALL, has_pace=True, **missing)


def test_the_published_head_needs_as_many_channels_as_the_codes():
    with pytest.raises(InvalidInputError, match="`hidden` must equal `latent_channels`"):
        ForecasterConfig(legacy=True, hidden=24)
