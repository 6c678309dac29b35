"""Layers in slabs: what they give, and their gradients, are those of the plain layers."""

import pytest
import torch
from torch import nn

from sequela.nn.slabs import normed_conv
from sequela.nn.volumes import VolumeDecoder, VolumeEncoder


@pytest.mark.parametrize("depth", [1, 3, 8, 19])
@pytest.mark.parametrize("has_norm", [True, False])
def test_a_layer_in_slabs_is_the_plain_layer(depth, has_norm):
    torch.manual_seed(0)
    norm, conv = nn.GroupNorm(3, 6).double(), nn.Conv3d(6, 4, 3).double()
    for weight in (norm.weight, norm.bias):
        nn.init.normal_(weight)
    x = (2 + torch.randn(2, 6, depth, 5, 4, dtype=torch.double)).requires_grad_()
    weights = [*conv.parameters(), *(norm.parameters() if has_norm else ())]
    wanted = nn.functional.silu(norm(x)) if has_norm else x
    wanted = conv(nn.functional.pad(wanted, (1,) * 6, mode="replicate"))
    made = normed_conv(norm if has_norm else None, conv, x)
    torch.testing.assert_close(made, wanted)
    pull = torch.randn_like(wanted)
    for found, right in zip(
        torch.autograd.grad(made, [x, *weights], pull),
        torch.autograd.grad(wanted, [x, *weights], pull),
        strict=True,
    ):
        torch.testing.assert_close(found, right)


@pytest.mark.parametrize("norm", ["group", "voxel"])
def test_a_checkpointed_codec_learns_the_same(norm):
    torch.manual_seed(0)
    encoder = VolumeEncoder(width=4, levels=1, norm=norm)
    decoder = VolumeDecoder(width=4, levels=1, blocks=2, norm=norm)
    volume = torch.randn(1, 1, 10, 8, 8)
    gradients = []
    for is_on in (False, True):
        for part in (encoder, decoder):
            part.checkpointed(is_on=is_on)
            part.zero_grad()
        decoder(encoder(volume)).square().mean().backward()
        gradients.append([p.grad.clone() for p in (*encoder.parameters(), *decoder.parameters())])
    for plain, saved in zip(*gradients, strict=True):
        torch.testing.assert_close(saved, plain, rtol=1e-4, atol=1e-6)
