"""The network of SEINE: the tensors of the published checkpoint, and Stable Diffusion in space."""

import hashlib
import json
import math
from collections import Counter

import pytest
import torch

from sequela.core import InvalidInputError
from sequela.nn.seine import SeineConfig, SeineUnet, timestep_waves
from tests.nn.tiny_seine import TINY, tiny_seine

# Of the sorted lines "name [shape]" of all tensors, as an independent instantiation listed them.
TABLE_SHA256 = "65df0b7a0d42e5eb3e397879abc148272fdc44322cc81cad73ab9238ce207fbf"
ELEMENTS = {
    "conv_in": 26_240,
    "time_embedding": 2_050_560,
    "down_blocks.0": 11_346_144,
    "down_blocks.1": 40_099_744,
    "down_blocks.2": 153_107_744,
    "down_blocks.3": 62_277_120,
    "mid_block": 103_595_792,
    "up_blocks.0": 162_241_280,
    "up_blocks.1": 278_004_016,
    "up_blocks.2": 76_334_896,
    "up_blocks.3": 20_043_056,
    "conv_norm_out": 640,
    "conv_out": 11_524,
}
FAMILIES = {"attn_temp": 112, "norm_temp": 32, "attn1": 80, "attn2": 80, "ff": 64, "resnets": 248}


@pytest.fixture(scope="module")
def published():
    with torch.device("meta"):
        return SeineUnet(SeineConfig.published())


@pytest.fixture(scope="module")
def tensors(published):
    return published.state_dict()


def test_names_and_shapes_are_those_of_the_published_checkpoint(tensors):
    assert len(tensors) == 830
    lines = sorted(f"{name} {list(tensor.shape)}" for name, tensor in tensors.items())
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == TABLE_SHA256


def test_each_part_has_as_many_elements_as_published(tensors, published):
    found: Counter[str] = Counter()
    for name, tensor in tensors.items():
        first, second = name.split(".")[:2]
        found[f"{first}.{second}" if first in ("down_blocks", "up_blocks") else first] += (
            tensor.numel()
        )
    assert dict(found) == ELEMENTS
    assert sum(found.values()) == 909_138_756
    # the one rotary table of 16 shows up 16 times
    assert sum(p.numel() for p in published.parameters()) == 909_138_516


def test_each_family_has_as_many_tensors_as_published(tensors):
    found = {family: sum(f".{family}." in name for name in tensors) for family in FAMILIES}
    assert found == FAMILIES
    temporal = [n for n in tensors if ".attn_temp." in n or ".norm_temp." in n]
    assert len(temporal) == 144
    assert sum(tensors[n].numel() for n in temporal) / 1e6 == pytest.approx(49.6, abs=0.05)


def test_shapes_told_by_the_specification(tensors):
    block = "up_blocks.1.attentions.2.transformer_blocks.0"
    expected = {
        "conv_in.weight": (320, 9, 3, 3),
        "conv_out.weight": (4, 320, 3, 3),
        "time_embedding.linear_1.weight": (1280, 320),
        "up_blocks.0.resnets.2.conv1.weight": (1280, 2560, 3, 3),
        "up_blocks.1.resnets.2.conv_shortcut.weight": (1280, 1920, 1, 1),
        "up_blocks.3.resnets.0.conv1.weight": (320, 960, 3, 3),
        f"{block}.attn2.to_k.weight": (1280, 768),
        f"{block}.attn_temp.time_rel_pos_bias.relative_attention_bias.weight": (32, 8),
        f"{block}.attn_temp.rotary_emb.freqs": (16,),
        f"{block}.ff.net.0.proj.weight": (8 * 1280, 1280),
        "down_blocks.2.downsamplers.0.conv.weight": (1280, 1280, 3, 3),
        "up_blocks.2.upsamplers.0.conv.weight": (640, 640, 3, 3),
    }
    assert {name: tuple(tensors[name].shape) for name in expected} == expected


def test_normalisation_adds_what_was_published(published):
    epsilons = {"resnets": set(), "attentions": set(), "conv_norm_out": set()}
    for name, module in published.named_modules():
        if isinstance(module, torch.nn.GroupNorm):
            assert module.num_groups == 32
            epsilons[next(part for part in epsilons if part in name)].add(module.eps)
    assert epsilons == {"resnets": {1e-5}, "attentions": {1e-6}, "conv_norm_out": {1e-5}}


def test_timesteps_become_cosines_then_sines():
    waves = timestep_waves(torch.tensor([999.0]), 320)[0]
    assert waves.shape == (320,)
    for index in (0, 80, 159):
        angle = 999 * 10000 ** (-index / 160)
        assert float(waves[index]) == pytest.approx(math.cos(angle), abs=2e-4)
        assert float(waves[160 + index]) == pytest.approx(math.sin(angle), abs=2e-4)


@pytest.mark.parametrize("frames", [1, 3])
def test_without_attention_along_time_still_frames_are_those_of_stable_diffusion(frames):
    from diffusers import UNet2DConditionModel

    network = tiny_seine()
    for name, parameter in network.named_parameters():
        if ".attn_temp.to_out." in name:
            parameter.zero_()
    flat = UNet2DConditionModel(
        in_channels=9,
        out_channels=4,
        block_out_channels=TINY.widths,
        layers_per_block=TINY.depth,
        norm_num_groups=TINY.norm_groups,
        attention_head_dim=TINY.heads,  # Stable Diffusion 1's name for the number of heads
        cross_attention_dim=TINY.text_width,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    ).eval()
    spatial = {k: v for k, v in network.state_dict().items() if "_temp." not in k}
    flat.load_state_dict(spatial, strict=True)
    image, text = _inputs((2, 9, 16, 24))
    with torch.no_grad():
        expected = flat(image, torch.tensor([999.0, 4.0]), text).sample
        video = image[:, :, None].expand(-1, -1, frames, -1, -1)
        found = network(video, torch.tensor([999.0, 4.0]), text)
    for frame in range(frames):
        assert torch.allclose(found[:, :, frame], expected, atol=1e-5)


def test_frames_reach_each_other_only_through_time():
    network = tiny_seine()
    video, text = _inputs((1, 9, 16, 8, 8))
    changed = video.clone()
    changed[:, :, 15] += 1
    timesteps = torch.tensor([500.0])
    assert not torch.allclose(
        network(video, timesteps, text)[:, :, 0], network(changed, timesteps, text)[:, :, 0]
    )


def test_a_batch_is_computed_as_its_clips_one_by_one():
    network = tiny_seine()
    video, text = _inputs((2, 9, 4, 8, 8))
    timesteps = torch.tensor([999.0, 4.0])
    whole = network(video, timesteps, text)
    for i in range(2):
        alone = network(video[i : i + 1], timesteps[i : i + 1], text[i : i + 1])
        assert torch.allclose(whole[i], alone[0], atol=1e-5)


def test_sides_that_are_odd_on_the_way_down_come_back():
    video, text = _inputs((1, 9, 2, 10, 14))
    found = tiny_seine()(video, torch.tensor([1.0]), text)
    assert found.shape == (1, 4, 2, 10, 14)


def test_sizes_survive_json():
    values = json.loads(json.dumps(TINY.to_json()))
    assert SeineConfig(**values) == TINY


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"widths": (320, 650)}, "widths"),
        ({"in_channels": 4}, "in_channels"),
        ({"rotary_width": 64}, "rotary_width"),
        ({"depth": 0}, "depth"),
    ],
)
def test_sizes_that_make_no_network_are_refused(changes, name):
    with pytest.raises(InvalidInputError, match=f"`{name}`"):
        SeineConfig(**changes)


def _inputs(shape):
    generator = torch.Generator().manual_seed(5)
    return (
        torch.randn(shape, generator=generator),
        torch.randn(shape[0], 7, TINY.text_width, generator=generator),
    )
