"""Swapping exposures: grey values change hands, anatomy and order stay."""

import numpy as np
import torch
from scipy.stats import spearmanr

from sequela.training.exposure import swap_exposure


def films(count: int = 6) -> torch.Tensor:
    """Smooth pictures, each darker than the one before."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 1, 6, 6, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(48, 48), mode="bicubic").clamp(0, 1)
    exposed = smooth ** torch.linspace(0.4, 2.5, count).view(-1, 1, 1, 1)
    return 2 * exposed - 1


def test_no_pixel_overtakes_another():
    swapped = swap_exposure(films(), torch.Generator().manual_seed(1))
    for before, after in zip(films(), swapped, strict=True):
        assert spearmanr(before.flatten(), after.flatten()).statistic > 0.999


def test_the_exposures_of_a_batch_are_the_same_ones_in_another_order():
    before = films()
    after = swap_exposure(before, torch.Generator().manual_seed(1))
    middle = np.s_[:, :, 6:-6, 6:-6]
    medians = [np.median(x.numpy()[middle], axis=(1, 2, 3)) for x in (before, after)]
    assert np.abs(np.sort(medians[0]) - np.sort(medians[1])).max() < 0.05
    assert not np.allclose(medians[0], medians[1], atol=0.05)


def test_the_range_is_kept_and_flat_pictures_survive():
    flat = torch.full((2, 1, 32, 32), -1.0)
    flat[1] = 1.0
    swapped = swap_exposure(flat, torch.Generator().manual_seed(0))
    assert torch.isfinite(swapped).all()
    assert swapped.abs().max() <= 1.01


def test_the_same_generator_swaps_the_same_way():
    one, two = (swap_exposure(films(), torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one, two)
