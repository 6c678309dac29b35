"""Both stages together: dates, lungs, and the scans' own detail."""

import pytest
import torch

from sequela.core import InvalidInputError
from sequela.dynamics import Solver
from sequela.simulators.lungs import (
    CodecConfig,
    Forecaster,
    ForecasterConfig,
    LungEngine,
    VolumeCodec,
    load_forecaster,
    save_forecaster,
)

SHAPE = (8, 16, 16)
YEARS = torch.tensor([0.0, 1.1])


def engine(**options):
    torch.manual_seed(0)
    codec = VolumeCodec(
        CodecConfig(width=4, latent_channels=4, codes=8, norm="voxel", shape=SHAPE)
    ).eval()
    config = ForecasterConfig(
        latent_channels=4,
        hidden=4,
        field_hidden=4,
        are_dates_exact=True,
        is_bridged=True,
        is_quantised=options.pop("is_quantised", False),
        solver=Solver(name="rk4", step=0.2),
    )
    forecaster = Forecaster(config).eval()
    torch.nn.init.normal_(forecaster.head.weight, 0, 0.2)
    return LungEngine(codec=codec, forecaster=forecaster, **options)


def scans():
    draw = torch.Generator().manual_seed(1)
    return -500 + 300 * torch.rand(2, *SHAPE, generator=draw)


def lungs():
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[:, 4:12, 4:12] = True
    return mask


@pytest.mark.parametrize("is_quantised", [True, False])
def test_a_forecast_passes_through_the_scans_and_leaves_the_body_alone(is_quantised):
    simulate = engine(is_quantised=is_quantised)
    known, inside = scans(), lungs()
    made = simulate.forecast(known, YEARS, inside, torch.tensor([0.0, 0.5, 1.1, 3.0]))
    assert made.shape == (4, *SHAPE)
    torch.testing.assert_close(made[0], known[0], atol=0.05, rtol=0)  # HU
    torch.testing.assert_close(made[2][inside], known[1][inside], atol=0.05, rtol=0)
    assert torch.equal(made[3][~inside], known[0][~inside])
    assert (made[3] - known[1])[inside].abs().max() > 0.5


def test_without_detail_it_is_what_the_decoder_says():
    known = scans()
    made = engine(detail="none").forecast(known, YEARS, lungs(), torch.tensor([0.0]))
    assert (made[0] - known[0])[lungs()].abs().mean() > 10


def test_the_mean_detail_is_shared_by_all_moments():
    simulate, plain = engine(detail="mean"), engine(detail="none")
    wanted = torch.tensor([0.2, 2.0])
    gap = simulate.forecast(scans(), YEARS, lungs(), wanted) - plain.forecast(
        scans(), YEARS, lungs(), wanted
    )
    torch.testing.assert_close(gap[0], gap[1], atol=0.05, rtol=0)


def test_coding_in_tiles_gives_the_same_forecast():
    wanted = torch.tensor([2.0])
    whole = engine().forecast(scans(), YEARS, lungs(), wanted)
    tiled = engine(tile=(2, 2, 2)).forecast(scans(), YEARS, lungs(), wanted)
    torch.testing.assert_close(whole, tiled, atol=0.05, rtol=0)


def test_saving_and_loading_keeps_the_forecast(tmp_path):
    simulate = engine()
    save_forecaster(simulate.forecaster, tmp_path / "a.safetensors", {"name": "tiny"})
    loaded, card = load_forecaster(tmp_path / "a.safetensors")
    again = LungEngine(codec=simulate.codec, forecaster=loaded)
    wanted = torch.tensor([2.0])
    first, second = (e.forecast(scans(), YEARS, lungs(), wanted) for e in (simulate, again))
    assert card["name"] == "tiny"
    assert loaded.config == simulate.forecaster.config
    assert (first - second).abs().max() < 5


@pytest.mark.parametrize(
    ("years", "wanted", "match"),
    [
        ([0.0, 0.0], [1.0], "`years` must rise strictly from 0"),
        ([1.0, 2.0], [1.0], "`years` must rise strictly from 0"),
        ([0.0, 1.0], [-1.0], "`wanted_years` must be 0 or later"),
        ([0.0, 1.0], [], "`wanted_years` must be 0 or later"),
    ],
)
def test_dates_out_of_order_are_refused(years, wanted, match):
    with pytest.raises(InvalidInputError, match=match):
        engine().forecast(scans(), torch.tensor(years), lungs(), torch.tensor(wanted))


def test_an_unknown_detail_is_named():
    with pytest.raises(LookupError, match="last"):
        engine(detail="first")
