import pytest
import torch

from sequela.checkpoints import load_segmenter, save_segmenter
from sequela.core import CheckpointError
from sequela.nn.segmenter import Segmenter


def test_logits_lie_on_the_image_s_own_grid():
    network = Segmenter(2, 8).eval()
    images = torch.randn(2, 1, 48, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert network(images).shape == (2, 2, 48, 64)


def test_exposure_does_not_change_what_is_drawn():
    network = Segmenter(1, 8).eval()
    images = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(
            network(images), network(0.5 * images - 0.2), atol=2e-2, rtol=1e-2
        )


def test_saving_and_loading_keeps_the_masks(tmp_path):
    network = Segmenter(2, 8).eval()
    card = {"name": "a", "classes": ["line", "body"], "width": 8, "side": 64}
    save_segmenter(network, tmp_path / "a.safetensors", card)
    loaded = load_segmenter(tmp_path / "a.safetensors")
    images = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(loaded.network(images), network(images), atol=2e-2, rtol=2e-2)
    assert loaded.card["side"] == 64


def test_another_card_or_file_is_refused(tmp_path):
    network = Segmenter(2, 8)
    card = {"name": "a", "classes": ["line"], "width": 8, "side": 64}
    save_segmenter(network, tmp_path / "a.safetensors", card)
    with pytest.raises(CheckpointError, match="does not fit its card"):
        load_segmenter(tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_segmenter(tmp_path / "b.safetensors")
