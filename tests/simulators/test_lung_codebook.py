"""What codes stand for, on hand-made indices."""

import numpy as np
import pytest
import torch

from sequela.core import InvalidInputError
from sequela.simulators.lungs import CodecConfig, VolumeCodec
from sequela.simulators.lungs.codebook import (
    correlation,
    decoded_codes,
    histograms,
    mean_patches,
    overlay_labels,
    usage,
)

INDICES = torch.tensor([0, 0, 1, 2]).view(1, 1, 2, 2)


def test_histograms_count_cells_of_the_lungs_alone():
    inside = torch.tensor([True, True, True, False]).view(1, 1, 2, 2)
    assert histograms(INDICES, inside, 4).tolist() == [pytest.approx([2 / 3, 1 / 3, 0, 0])]
    with pytest.raises(InvalidInputError, match="scan 0 has none"):
        histograms(INDICES, torch.zeros_like(inside), 4)


def test_usage_and_perplexity_of_even_shares():
    used, perplexity = usage(np.array([[0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0]]))
    assert used == 0.5
    assert perplexity == pytest.approx(2)


def test_the_mean_patch_is_what_the_code_stood_for():
    scan = torch.tensor([[1.0, 3, 5, 7], [1, 3, 5, 7]]).view(1, 1, 2, 4).repeat(1, 2, 1, 1)
    patches = mean_patches(scan, torch.tensor([0, 1]).view(1, 1, 1, 2), 3)
    assert patches[0].tolist() == [[[1, 3], [1, 3]], [[1, 3], [1, 3]]]
    assert patches[1, 0, 0].tolist() == [5, 7]
    assert np.isnan(patches[2]).all()


def test_the_overlay_lies_on_the_voxel_grid():
    labels = overlay_labels(INDICES[0], [2, 0], 2)
    assert labels.shape == (2, 4, 4)
    assert labels[0].tolist() == [[2, 2, 2, 2], [2, 2, 2, 2], [0, 0, 1, 1], [0, 0, 1, 1]]


def test_correlation_is_pearson_s():
    shares = np.array([[0.1, 0.9, 0.0], [0.3, 0.7, 0.0], [0.4, 0.6, 0.0]])
    matrix = correlation(shares, [0, 1, 2])
    assert matrix[:2, :2] == pytest.approx(np.corrcoef(shares[:, :2].T))
    assert np.isnan(matrix[2]).all()


def test_a_decoded_code_does_not_depend_on_how_many_are_drawn_at_once():
    torch.manual_seed(0)
    codec = VolumeCodec(CodecConfig(width=4, latent_channels=4, codes=6, norm="voxel")).eval()
    whole, parts = (decoded_codes(codec, around=1, batch=n) for n in (6, 4))
    assert whole.shape == (6, 4, 4, 4)
    np.testing.assert_allclose(whole, parts, atol=1e-2)
