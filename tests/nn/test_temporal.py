"""Attention along time against the numbers of the specification and a straight-line computation."""

import math

import numpy as np
import pytest
import torch

from sequela.nn.temporal import (
    RelativeBias,
    Rotary,
    TemporalAttention,
    position_buckets,
    rotary_frequencies,
    rotated,
)

BUCKETS = [11, 11, 10, 10, 9, 9, 8, 8, 7, 6, 5, 4, 3, 2, 1, 0]
BUCKETS += [17, 18, 19, 20, 21, 22, 23, 24, 24, 25, 25, 26, 26, 27, 27]


def attention(width: int = 80, heads: int = 2, rotary_width: int = 32) -> TemporalAttention:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        bias = RelativeBias(heads, buckets=32, max_distance=32)
        return TemporalAttention(width, heads, rotary=Rotary(rotary_width), bias=bias).eval()


def test_distances_from_minus_15_to_15_read_the_published_rows():
    rows = position_buckets(torch.arange(-15, 16), buckets=32, max_distance=32)
    assert rows.tolist() == BUCKETS


def test_all_distances_beyond_the_furthest_share_the_last_row_of_their_half():
    rows = position_buckets(torch.tensor([-32, -500, 32, 500]), buckets=32, max_distance=32)
    assert rows.tolist() == [15, 15, 31, 31]


def test_the_bias_is_read_at_key_minus_query():
    bias = RelativeBias(8, buckets=32, max_distance=32)
    table = bias.relative_attention_bias.weight
    assert table.shape == (32, 8)
    found = bias(16)
    assert found.shape == (8, 16, 16)
    assert torch.equal(found[:, 0, 15], table[27])
    assert torch.equal(found[:, 15, 0], table[11])
    assert torch.equal(found[:, 3, 4], table[17])
    assert torch.equal(found[:, 5, 5], table[0])


def test_frequencies_fall_from_1_in_powers_of_the_base():
    frequencies = rotary_frequencies(32)
    assert len(frequencies) == 16
    expected = [10000 ** (-2 * i / 32) for i in range(16)]
    assert frequencies.tolist() == pytest.approx(expected, rel=1e-6)
    assert frequencies[[0, 1, 8, 15]].tolist() == pytest.approx(
        [1, 0.5623413, 0.01, 1.7782794e-4], rel=1e-6
    )


def test_neighbouring_features_turn_by_frame_times_frequency_and_the_rest_stays():
    features = torch.zeros(16, 40)
    features[:, 0], features[:, 3], features[:, 39] = 1.0, 1.0, 7.0
    turned = rotated(features, rotary_frequencies(32))
    for frame in (0, 1, 15):
        slow = frame * 10000 ** (-2 / 32)
        assert turned[frame, :4].tolist() == pytest.approx(
            [math.cos(frame), math.sin(frame), -math.sin(slow), math.cos(slow)], abs=1e-6
        )
    assert torch.equal(turned[:, 32:], features[:, 32:])


def test_scores_depend_on_the_distance_of_two_frames_only():
    query, key = torch.randn(2, 40, generator=torch.Generator().manual_seed(1))
    turn = Rotary(32)
    scores = turn(query.expand(16, 40)) @ turn(key.expand(16, 40)).T
    scores = scores + RelativeBias(1, buckets=32, max_distance=32)(16)[0]
    for shift in (1, 5):
        moved = scores[shift:, shift:]
        assert torch.allclose(moved, scores[: 16 - shift, : 16 - shift], atol=1e-4)
    assert not torch.allclose(scores[0], scores[1], atol=1e-2)


def test_a_block_equals_its_straight_line_computation_in_double_precision():
    width, heads, frames, pixels = 80, 2, 16, 3
    module = attention(width, heads)
    norm = torch.nn.LayerNorm(width)
    generator = torch.Generator().manual_seed(2)
    torch.nn.init.normal_(norm.weight, 1, 0.2, generator=generator)
    torch.nn.init.normal_(norm.bias, 0, 0.2, generator=generator)
    tokens = torch.randn(pixels, frames, width, generator=generator)
    with torch.no_grad():
        found = tokens + module(norm(tokens))
    weights = {k: v.double().numpy() for k, v in module.state_dict().items()}
    scale, shift = norm.weight.detach().double().numpy(), norm.bias.detach().double().numpy()
    for pixel in range(pixels):
        x = tokens[pixel].double().numpy()
        expected = x + _straight(_normed(x, scale, shift), weights, heads)
        assert np.abs(found[pixel].numpy() - expected).max() < 1e-5


def _normed(x, scale, shift):
    centred = x - x.mean(1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5) * scale + shift


def _straight(x, weights, heads):
    frames, width = x.shape
    size = width // heads
    out = np.zeros_like(x)
    for head in range(heads):
        rows = slice(head * size, (head + 1) * size)
        q, k, v = (x @ weights[f"to_{n}.weight"][rows].T for n in "qkv")
        q, k = _turned(q / math.sqrt(size)), _turned(k)
        for i in range(frames):
            scores = np.zeros(frames)
            for j in range(frames):
                bucket = BUCKETS[j - i + 15]
                table = weights["time_rel_pos_bias.relative_attention_bias.weight"]
                scores[j] = q[i] @ k[j] + table[bucket, head]
            shares = np.exp(scores - scores.max())
            out[i, rows] = (shares / shares.sum()) @ v
    return out @ weights["to_out.0.weight"].T + weights["to_out.0.bias"]


def _turned(x):
    turned = x.copy()
    for frame in range(len(x)):
        for pair in range(16):
            angle = frame * 10000 ** (-2 * pair / 32)
            a, b = x[frame, 2 * pair], x[frame, 2 * pair + 1]
            turned[frame, 2 * pair] = a * math.cos(angle) - b * math.sin(angle)
            turned[frame, 2 * pair + 1] = b * math.cos(angle) + a * math.sin(angle)
    return turned


def test_pixels_do_not_see_each_other():
    module = attention()
    tokens = torch.randn(2, 16, 80, generator=torch.Generator().manual_seed(3))
    changed = tokens.clone()
    changed[1] += 1
    with torch.no_grad():
        assert torch.allclose(module(tokens)[0], module(changed)[0], atol=1e-6)
