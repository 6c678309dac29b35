"""The painter: it starts from the plain sum, keeps any grid, and knows where in the lungs it is."""

import pytest
import torch

from sequela.core import InvalidInputError
from sequela.simulators.lungs import CodecConfig, Forecaster, ForecasterConfig, LungEngine
from sequela.simulators.lungs.codec import VolumeCodec
from sequela.simulators.lungs.painter import Painter, places_of, voxel_box

SHAPE = (9, 14, 15)


def lungs():
    mask = torch.zeros(SHAPE, dtype=torch.bool)
    mask[2:7, 3:11, 5:12] = True
    return mask


def parts(*counts):
    draw = torch.Generator().manual_seed(0)
    return [torch.randn(1, count, *SHAPE, generator=draw) for count in counts]


def test_an_untrained_painter_lays_the_change_over_the_mean_of_both_scans():
    scans, states, places = parts(2, 3, 3)
    made = Painter(2)(scans, states, places)
    known = scans.mean(dim=1) + states[:, 2] - states[:, :2].mean(dim=1)
    torch.testing.assert_close(made, known)


def test_sides_need_be_no_multiples_of_anything():
    scans, states, places = parts(2, 3, 3)
    painter = Painter(2)
    torch.nn.init.normal_(painter.last.weight)
    made = painter(scans, states, places)
    assert made.shape == (1, *SHAPE)
    made.square().mean().backward()
    assert all(bool(p.grad.isfinite().all()) for p in painter.parameters())


def test_places_rise_below_the_surface_upwards_and_backwards_and_are_0_outside():
    depth, height, back = places_of(lungs())
    assert depth[4, 6, 8] > depth[4, 3, 8] > 0
    assert height[6, 6, 8] == 1.0 > height[2, 6, 8] > 0
    assert back[4, 10, 8] == 1.0 > back[4, 3, 8] > 0
    assert all(float(place[~lungs()].abs().max()) == 0 for place in (depth, height, back))
    assert not places_of(torch.zeros(SHAPE, dtype=torch.bool)).any()


def test_the_box_holds_the_lungs_with_a_margin_inside_the_grid():
    assert voxel_box(lungs()) == (slice(0, 9), slice(0, 14), slice(1, 15))
    assert voxel_box(torch.zeros(SHAPE, dtype=torch.bool)) == tuple(slice(0, n) for n in SHAPE)


def test_painting_without_a_painter_is_refused():
    codec = VolumeCodec(CodecConfig(width=4, latent_channels=4, codes=8, norm="voxel"))
    bare = Forecaster(ForecasterConfig(latent_channels=4, hidden=4, field_hidden=4))
    assert LungEngine(codec=codec, forecaster=bare).detail == "last"
    with pytest.raises(InvalidInputError, match="has no painter"):
        LungEngine(codec=codec, forecaster=bare, detail="painted")
    whole = Forecaster(
        ForecasterConfig(latent_channels=4, hidden=4, field_hidden=4, painter_width=2)
    )
    assert LungEngine(codec=codec, forecaster=whole).detail == "painted"
