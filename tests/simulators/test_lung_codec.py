"""Stage 1: the published shapes and sizes, tiles without seams, the window, saving."""

import pytest
import torch

from sequela.core import CheckpointError, InvalidInputError
from sequela.simulators.lungs import (
    MINI_CODEC,
    PAPER_CODEC,
    PAPER_FORECASTER,
    CodecConfig,
    Forecaster,
    VolumeCodec,
    load_codec,
    save_codec,
)
from sequela.simulators.lungs.grids import box_of, cells, in_tiles, merged

TINY = CodecConfig(width=4, latent_channels=4, codes=8, norm="voxel", shape=(16, 24, 32))


def codec(config=TINY, seed=0):
    torch.manual_seed(seed)
    return VolumeCodec(config).eval()


def volume(shape=TINY.shape, seed=0):
    return torch.randn(1, 1, *shape, generator=torch.Generator().manual_seed(seed))


def on_meta(build):
    with torch.device("meta"):
        return build().eval()


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_the_published_size_gives_the_published_shapes():
    paper = on_meta(lambda: VolumeCodec(PAPER_CODEC))
    scan = torch.empty(1, 1, 96, 256, 256, device="meta")
    shapes, x = [], scan
    for stage in paper.encoder.stages:
        x = stage(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [
        (32, 96, 256, 256),
        (64, 48, 128, 128),
        (64, 48, 128, 128),
        (128, 24, 64, 64),
        (128, 24, 64, 64),
        (128, 24, 64, 64),
    ]
    latent = paper.before(x)
    assert latent.shape == (1, 16, 24, 64, 64)
    assert paper.codebook.codes.shape == (256, 16)
    assert latent[0, 0].numel() == 98_304 == PAPER_CODEC.latent_shape[0] * 64 * 64
    shapes, x = [], paper.after(latent)
    for stage in paper.decoder.stages:
        x = stage(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [
        (128, 24, 64, 64),
        (128, 48, 128, 128),
        (128, 48, 128, 128),
        (128, 48, 128, 128),
        (64, 96, 256, 256),
        (64, 96, 256, 256),
        (64, 96, 256, 256),
        (1, 96, 256, 256),
    ]


def test_an_eighth_of_the_size_gives_an_eighth_of_the_shapes():
    made, quantised = codec(CodecConfig(codes=8))(volume((12, 32, 32)))
    assert made.shape == (1, 1, 12, 32, 32)
    assert quantised.indices.shape == (1, 3, 8, 8)


def conv(a, b, kernel):
    return a * b * kernel**3 + b


def block(channels):
    return 2 * (2 * channels + conv(channels, channels, 3))


def test_the_published_codec_has_the_parameters_of_its_table():
    paper = on_meta(lambda: VolumeCodec(PAPER_CODEC))
    encoder = conv(1, 32, 3) + conv(32, 64, 4) + block(64) + conv(64, 128, 4) + block(128) + 256
    decoder = 256 + conv(128, 128, 4) + 2 * block(128) + conv(128, 64, 4) + 2 * block(64)
    assert count(paper.encoder) == encoder == 1_763_776
    assert count(paper.decoder) == decoder + conv(64, 1, 3) == 3_789_185
    assert count(paper.before) == 128 * 16 + 16
    assert count(paper.after) == 16 * 128 + 128


def test_the_published_forecaster_has_the_parameters_of_its_table():
    paper = on_meta(lambda: Forecaster(PAPER_FORECASTER))
    assert count(paper.encoder.cell.gates) == conv(32, 32, 3)
    assert count(paper.encoder.cell.candidate) == conv(32, 16, 3)
    assert [tuple(layer.weight.shape[:2]) for layer in paper.field.layers] == [
        (8, 16),
        (8, 8),
        (8, 8),
        (8, 8),
        (16, 8),
    ]
    assert tuple(paper.head.weight.shape) == (16, 32, 3, 3, 3)


def test_the_small_pair_stays_below_its_share_of_the_repository():
    small = on_meta(lambda: VolumeCodec(MINI_CODEC))
    assert 2 * (count(small) + sum(b.numel() for b in small.buffers())) < 2_000_000


@pytest.mark.parametrize("norm", ["voxel", "group"])
def test_tiled_decoding_is_whole_decoding(norm):
    network = codec(CodecConfig(width=4, latent_channels=4, codes=8, norm=norm))
    latents = torch.randn(1, 4, 3, 4, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = network.decode(latents)
        tiled = in_tiles(network.decode, latents, tile=(3, 4, 8), halo=6, scales=(1, 4))
    gap = (whole - tiled).abs()
    if norm == "voxel":
        assert gap.max() < 1e-5
    else:  # a group norm sees the tile alone, so that everything differs a little
        assert gap.mean() < 0.1 * whole.std()
    seam = (tiled[..., 32] - tiled[..., 31]).abs().mean()
    beside = (tiled[..., 30] - tiled[..., 29]).abs().mean()
    assert seam < 1.5 * beside


def test_tiled_encoding_is_whole_encoding():
    network, scan = codec(), volume((32, 48, 48))
    with torch.no_grad():
        whole = network.encode(scan)
        tiled = in_tiles(network.encode, scan, tile=(4, 6, 5), halo=4, scales=(4, 1))
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=1e-4)


def test_without_a_halo_seams_show():
    network = codec(CodecConfig(width=4, latent_channels=4, codes=8, norm="voxel"))
    latents = torch.randn(1, 4, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        tiled = in_tiles(network.decode, latents, tile=(4, 4, 4), halo=0, scales=(1, 4))
        assert (tiled - network.decode(latents)).abs().max() > 1e-2


def test_checkpointing_changes_no_gradient():
    gradients = []
    for is_on in (False, True):
        network = codec().train().checkpointed(is_on=is_on)
        torch.manual_seed(0)
        made, quantised = network(volume())
        (made.square().mean() + quantised.commitment).backward()
        gradients.append([p.grad for p in network.parameters()])
    for plain, again in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, again)


def test_the_window_maps_to_the_unit_range_and_back():
    network = codec()
    hu = torch.tensor([-1200.0, -1000.0, -300.0, 400.0, 3000.0])
    shown = network.to_model(hu)
    assert shown.tolist() == pytest.approx([-1, -1, 0, 1, 1])
    assert network.to_hu(shown).tolist() == pytest.approx([-1000, -1000, -300, 400, 400])


def test_a_side_that_is_no_multiple_of_4_is_refused():
    with pytest.raises(InvalidInputError, match="multiples of 4"):
        codec().encode(volume((16, 24, 30)))


def test_saving_and_loading_keeps_the_codes(tmp_path):
    network, file = codec(), tmp_path / "codec.safetensors"
    save_codec(network, file, {"name": "tiny"})
    loaded, card = load_codec(file)
    assert card["name"] == "tiny"
    assert loaded.config == TINY
    same = (loaded.codes_of(volume()) == network.codes_of(volume())).float().mean()
    assert same > 0.95  # stored in half precision
    (tmp_path / "other.safetensors").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_codec(tmp_path / "other.safetensors")


def test_a_cell_counts_as_lung_as_soon_as_one_voxel_does():
    mask = torch.zeros(8, 8, 8, dtype=torch.bool)
    mask[5, 0, 7] = True
    inside = cells(mask, 4)
    assert inside.nonzero().tolist() == [[1, 0, 1]]
    assert box_of(inside) == (slice(1, 2), slice(0, 1), slice(1, 2))
    assert box_of(inside, margin=1) == (slice(0, 2), slice(0, 2), slice(0, 2))
    old, new = torch.zeros(1, 2, 2, 2, 2), torch.ones(1, 2, 2, 2, 2)
    assert merged(old, new, inside[None]).sum() == 2
