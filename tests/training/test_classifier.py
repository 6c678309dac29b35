"""Classifiers: two stages on drawn films, exact resume, and a file that loads strictly."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from sequela.checkpoints import load_classifier, save_classifier
from sequela.core import CheckpointError, InvalidInputError
from sequela.metrics import Platt
from sequela.nn.classifiers import ARCHITECTURES, build_classifier
from sequela.training import read_recipe, run_recipe
from sequela.training.data import ImageSet
from sequela.training.degrade import degrade
from sequela.training.objectives.classifier import labels

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
RECIPE = """
name = "tiny-classifier"
objective = "classifier"
[data]
sets = ["cxr-nih"]
image_size = 32
[network]
architecture = "{architecture}"
targets = ["Pneumonia", "Pleural Thickening"]
{more}
[optimiser]
steps = 4
name = "{optimiser}"
batch_size = 4
learning_rate = 1e-2
warmup_steps = 1
[log]
every = 1
checkpoint_every = 2
"""


def train(folder, data, *, architecture="residual-mini", more="", optimiser="adamw", stop_at=None):
    path = folder.parent / f"{folder.name}.toml"
    path.write_text(RECIPE.format(architecture=architecture, more=more, optimiser=optimiser))

    def stop(step, steps, loss):
        if step == stop_at:
            raise InterruptedError

    return run_recipe(read_recipe(path), data=data, out=folder, progress=stop)


@pytest.mark.parametrize("architecture", ["residual-mini", "densenet-mini"])
def test_both_stages_run_resume_exactly_and_export_a_classifier(tmp_path, data, architecture):
    train(tmp_path / "first", data, architecture=architecture)
    margin = 'loss = "auc-margin"\nstart = "first"'
    settings = {"architecture": architecture, "more": margin, "optimiser": "pesg"}
    train(tmp_path / "second", data, **settings)
    with pytest.raises(InterruptedError):
        train(tmp_path / "resumed", data, **settings, stop_at=3)
    train(tmp_path / "resumed", data, **settings)
    files = [
        tmp_path / name / "checkpoint" / "averaged.safetensors" for name in ("second", "resumed")
    ]
    straight, resumed = map(load_file, files)
    assert all(torch.equal(straight[key], resumed[key]) for key in straight)
    assert float(straight["auc_margin.dual"]) > 0
    loaded = load_classifier(tmp_path / "second" / "model.safetensors")
    shown = loaded.probability(torch.zeros(3, 1, 32, 32))
    assert shown.shape == (3,)
    assert ((shown > 0) & (shown < 1)).all()
    assert loaded.card["targets"] == ["Pneumonia", "Pleural Thickening"]
    with pytest.raises(InvalidInputError, match="Fit them to the square first"):
        loaded.logits(torch.zeros(1, 3, 32, 32))


# lesion filters have tests of their own: they see retinas alone
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES.keys() - {"lesion-filters"}))
def test_every_architecture_gives_one_logit_a_target_whatever_the_exposure(architecture):
    images = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(0)) / 4
    network = build_classifier(architecture, channels=1, targets=3).eval()
    with torch.no_grad():
        plain, exposed = network(images), network(images * 1.7 + 0.1)
    assert plain.shape == (2, 3)
    torch.testing.assert_close(plain, exposed, atol=2e-2, rtol=2e-2)


def test_the_first_target_is_told_from_healthy_images_only():
    images = ImageSet(
        images=torch.zeros(5, 1, 2, 2),
        findings=((), ("mild",), ("severe",), ("moderate", "mild"), None),
        views=("",) * 5,
    )
    targets, counts = labels(images, ("moderate|severe", "mild"))
    assert targets.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [0, 0]]
    assert counts.tolist() == [[1, 1], [0, 1], [1, 1], [1, 1], [0, 0]]


def test_degrading_keeps_the_range_and_follows_the_generator():
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    first, again = (degrade(images, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.abs().max() <= 1
    assert (first - images).abs().mean() > 0.01


def test_a_file_of_something_else_or_with_missing_tensors_is_refused(tmp_path):
    from safetensors.torch import save_file

    other = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, other)
    with pytest.raises(CheckpointError, match="must be of format"):
        load_classifier(other)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_classifier(tmp_path / "none.safetensors")
    network = build_classifier("residual-mini", channels=1, targets=1)
    card = {
        "name": "a",
        "architecture": "densenet-mini",
        "targets": ["x"],
        "channels": 1,
        "image_size": 32,
    }
    save_classifier(network, tmp_path / "wrong.safetensors", card, Platt())
    with pytest.raises(CheckpointError, match="does not fit its card"):
        load_classifier(tmp_path / "wrong.safetensors")


def test_saving_and_loading_keeps_the_scores(tmp_path):
    network = build_classifier("residual-mini", channels=3, targets=2).eval()
    card = {
        "name": "a",
        "architecture": "residual-mini",
        "targets": ["x", "y"],
        "channels": 3,
        "image_size": 32,
    }
    save_classifier(network, tmp_path / "a.safetensors", card, Platt(slope=2.0, offset=-1.0))
    loaded = load_classifier(tmp_path / "a.safetensors")
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) / 4
    with torch.no_grad():
        logits = network(images)[:, 0].double().numpy()
    np.testing.assert_allclose(loaded.logits(images), logits, atol=5e-3)  # fp16 on disk
    wanted = 1 / (1 + np.exp(-(2 * loaded.logits(images) - 1)))
    np.testing.assert_allclose(loaded.probability(images), wanted, rtol=1e-6)
