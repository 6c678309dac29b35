import pytest
import torch

from sequela.core import InvalidInputError
from sequela.diffusion import NoiseSource


def test_a_draw_depends_on_its_address_and_not_on_what_was_drawn_before():
    alone = NoiseSource(7).normal((4, 8, 8), sample=1, step=2, draw=3)
    source = NoiseSource(7)
    for draw in range(3):
        source.normal((4, 8, 8), sample=1, step=2, draw=draw)
    assert torch.equal(source.normal((4, 8, 8), sample=1, step=2, draw=3), alone)


def test_every_part_of_the_address_changes_the_noise():
    draws = [
        NoiseSource(seed).normal((16,), sample=sample, step=step, draw=draw)
        for seed in (0, 1)
        for sample in (0, 1)
        for step in (0, 1)
        for draw in (0, 1)
    ]
    assert len({tuple(d.tolist()) for d in draws}) == len(draws)


def test_noise_is_standard_normal_float32_on_the_cpu():
    noise = NoiseSource(0).normal((4, 100, 100), sample=0, step=0, draw=0)
    assert noise.dtype == torch.float32
    assert noise.device.type == "cpu"
    assert float(noise.mean()) == pytest.approx(0, abs=0.02)
    assert float(noise.std()) == pytest.approx(1, abs=0.02)


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    NoiseSource(3).normal((4,), sample=0, step=0, draw=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_negative_seed_is_refused():
    with pytest.raises(InvalidInputError, match="`seed` must be a whole number"):
        NoiseSource(-1)
