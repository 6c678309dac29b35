"""What the forecaster is told of density: worked by hand, and told by the engine of its scans."""

import pytest
import torch

from sequela.dynamics import Solver
from sequela.simulators.lungs import CodecConfig, Forecaster, ForecasterConfig, LungEngine
from sequela.simulators.lungs.codec import VolumeCodec
from sequela.simulators.lungs.growth import dense_shares, growth_facts

SHAPE = (8, 16, 16)


def test_the_dense_share_counts_lung_voxels_above_the_bound():
    scans = torch.full((2, *SHAPE), -850.0)
    lungs = torch.zeros(SHAPE, dtype=torch.bool)
    lungs[:, 4:12, 4:12] = True
    scans[1, :, 4:8, 4:12] = -300.0
    scans[1, :, 0] = 300.0  # ribs do not count
    assert dense_shares(scans, lungs).tolist() == [0.0, 0.5]


def test_growth_is_a_year_and_a_single_scan_tells_none():
    two = growth_facts(torch.tensor([0.15, 0.20, 0.27]), torch.tensor([0.0, 1.0, 2.0]))
    assert two.tolist() == pytest.approx([0.0, 0.06 / 0.04, 1.0], abs=1e-5)
    assert growth_facts(torch.tensor([0.25]), torch.zeros(1)).tolist() == pytest.approx([1, 0, 0])


def test_the_engine_tells_it_of_the_scans_that_are_given():
    torch.manual_seed(0)
    codec = VolumeCodec(
        CodecConfig(width=4, latent_channels=4, codes=8, norm="voxel", shape=SHAPE)
    ).eval()
    forecaster = Forecaster(
        ForecasterConfig(
            latent_channels=4,
            hidden=4,
            field_hidden=4,
            facts=("age",),
            is_measured=True,
            is_quantised=False,
            solver=Solver(name="midpoint", step=0.2),
        )
    ).eval()
    torch.nn.init.normal_(forecaster.head.weight, 0, 0.2)
    engine = LungEngine(codec=codec, forecaster=forecaster)
    lungs = torch.zeros(SHAPE, dtype=torch.bool)
    lungs[:, 4:12, 4:12] = True
    scans = -850 + 400 * torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(1))
    asked = (scans, torch.tensor([0.0, 1.0]), lungs, torch.tensor([3.0]))
    plain = engine.forecast(*asked)
    torch.testing.assert_close(plain, engine.forecast(*asked, facts=torch.zeros(1)))
    for shift in forecaster.field.shifts:
        torch.nn.init.normal_(shift.weight[:, 1:])
    assert float((engine.forecast(*asked) - plain).abs().max()) > 0
