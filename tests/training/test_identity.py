"""The identity objective: loss by hand, batches, a run that learns, resumes and loads."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from sequela.checkpoints import load_embedder, save_embedder
from sequela.core import CheckpointError, InvalidInputError
from sequela.metrics.identity import pairs_of
from sequela.metrics.ranking import auroc
from sequela.nn.embedder import Embedder
from sequela.training import read_recipe, run_recipe
from sequela.training.objectives.identity import IdentityObjective, contrast, crop

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
RECIPE = """
name = "tiny-identity"
objective = "identity"
[data]
sets = ["cxr-nih"]
image_size = 48
[network]
positives = "{positives}"
dimensions = 8
width = 8
side = 32
[optimiser]
steps = {steps}
batch_size = 12
learning_rate = 5e-3
warmup_steps = 2
ema_decay = 0.5
[log]
every = 1
evaluate_every = 100
checkpoint_every = 2
"""
COLUMNS = ("file", "label", "patient_id", "split", "view", "all_findings")


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Two films each of 12 people: the person is the place of a disc, the visit is noise."""
    root = tmp_path_factory.mktemp("visits")
    (root / "cxr_nih").mkdir()
    draw = np.random.default_rng(0)
    rows = []
    down, across = np.mgrid[:48, :48]
    for person in range(12):
        middle = draw.uniform(12, 36, 2)
        disc = 120.0 * (np.hypot(down - middle[0], across - middle[1]) < 9)
        for visit in range(2):
            name = f"{person}-{visit}.png"
            film = np.clip(60 + disc + 15 * draw.normal(size=disc.shape), 0, 255)
            Image.fromarray(film.astype(np.uint8)).save(root / "cxr_nih" / name)
            split = "val" if person >= 9 else "train"
            view = "PA" if person % 2 else "AP"
            rows.append((name, "no_finding", f"p{person}", split, view, "No Finding"))
    with (root / "cxr_nih" / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *rows])
    return root


def recipe(folder, *, steps=4, positives="visits"):
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.parent / f"{folder.name}.toml"
    path.write_text(RECIPE.format(steps=steps, positives=positives))
    return read_recipe(path)


def train(folder, data, *, stop_at=None, **settings):
    def stop(step, steps, loss):
        if step == stop_at:
            raise InterruptedError

    return run_recipe(recipe(folder, **settings), data=data, out=folder, progress=stop)


def test_the_loss_of_a_hand_worked_batch():
    """Two people at right angles: each image has cosine 1 with its own and 0 with two others."""
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    people = torch.tensor([0, 0, 1, 1])
    expected = -np.log(np.exp(2) / (np.exp(2) + 2))
    assert float(contrast(vectors, people, 0.5)) == pytest.approx(expected)


def test_with_two_images_each_it_is_nt_xent():
    draw = torch.Generator().manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(10, 4, generator=draw), dim=1)
    people = torch.arange(5).repeat(2)
    logits = vectors @ vectors.T / 0.2
    logits.fill_diagonal_(-torch.inf)
    other = (torch.arange(10) + 5) % 10
    expected = torch.nn.functional.cross_entropy(logits, other)
    torch.testing.assert_close(contrast(vectors, people, 0.2), expected)


def test_three_images_of_one_person_are_averaged_and_a_lone_one_does_not_count():
    vectors = torch.nn.functional.normalize(
        torch.randn(4, 3, generator=torch.Generator().manual_seed(1)), dim=1
    )
    people = torch.tensor([0, 0, 0, 1])
    total = 0.0
    for i in range(3):
        others = [j for j in range(4) if j != i]
        bottom = sum(float(torch.exp(vectors[i] @ vectors[j])) for j in others)
        mine = [j for j in range(3) if j != i]
        total -= sum(float(vectors[i] @ vectors[j]) - np.log(bottom) for j in mine) / 2
    assert float(contrast(vectors, people, 1.0)) == pytest.approx(total / 3, rel=1e-5)


def test_a_batch_holds_two_visits_of_each_person_and_one_view(films, tmp_path):
    objective = IdentityObjective.of(recipe(tmp_path / "x"), films)
    pairs = objective._visits(6, np.random.default_rng(0))
    for first, second in pairs:
        assert objective.people["train"][first] == objective.people["train"][second]
    assert len({objective.kinds[first] for first, _ in pairs}) == 1
    assert len({objective.people["train"][first] for first, _ in pairs}) == len(pairs)
    assert any(first != second for first, second in pairs)


def test_augmentations_pair_an_image_with_itself(films, tmp_path):
    objective = IdentityObjective.of(recipe(tmp_path / "x", positives="augmentations"), films)
    assert all(a == b for a, b in objective._visits(6, np.random.default_rng(0)))
    images, people = objective.batch(8, torch.Generator().manual_seed(0), 0)
    assert images.shape == (2 * len(people.unique()), 1, 32, 32)
    assert not torch.equal(images[0], images[len(images) // 2])


def test_a_crop_shows_the_place_that_its_box_names():
    image = torch.zeros(1, 1, 40, 40)
    image[0, 0, 10:20, 20:30] = 1
    shown = crop(image, torch.tensor([[0.375, 0.625, 0.25]]), 10)
    assert shown.min() == 1
    whole = crop(image, torch.tensor([[0.5, 0.5, 1.0]]), 40)
    torch.testing.assert_close(whole, image, atol=1e-5, rtol=0)


def test_training_finds_who_is_who_and_resumes_exactly(films, tmp_path):
    train(tmp_path / "whole", films, steps=24)
    with pytest.raises(InterruptedError):
        train(tmp_path / "cut", films, steps=24, stop_at=13)
    train(tmp_path / "cut", films, steps=24)
    whole, cut = (load_embedder(tmp_path / n / "model.safetensors") for n in ("whole", "cut"))
    images = torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    np.testing.assert_array_equal(whole(images), cut(images))
    objective = IdentityObjective.of(recipe(tmp_path / "x"), films)
    seen = crop(objective.train.images, torch.tensor([[0.5, 0.5, 1.0]]).expand(18, -1), 32)
    vectors, pairs = whole(seen), pairs_of(np.asarray(objective.people["train"]))
    alike = (vectors[pairs.first] * vectors[pairs.second]).sum(1)
    assert auroc(alike, pairs.genuine) > 0.95
    assert whole.card["positives"] == "visits"
    assert whole.card["data"]["training_people_with_repeats"] == 9
    assert -1 <= whole.threshold() <= 1


def test_people_seen_once_cannot_teach_by_visits(data, tmp_path):
    with pytest.raises(InvalidInputError, match="needs people with several images"):
        train(tmp_path / "once", data)


def test_vectors_have_length_1_and_do_not_depend_on_exposure(tmp_path):
    torch.manual_seed(0)
    network = Embedder(channels=1, dimensions=8, width=8).eval()
    card = {"name": "t", "image_size": 32, "channels": 1, "dimensions": 8, "width": 8}
    save_embedder(network, tmp_path / "t.safetensors", {**card, "thresholds": {"whole": 0.5}})
    embedder = load_embedder(tmp_path / "t.safetensors")
    images = torch.rand(5, 1, 32, 32) * 2 - 1
    vectors = embedder(images)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1)
    np.testing.assert_allclose(embedder(images * 0.5 + 0.2), vectors, atol=1e-2)
    assert embedder.threshold() == 0.5


def test_wrong_images_kinds_and_files_are_refused(tmp_path):
    network = Embedder(channels=1, dimensions=8, width=8)
    card = {"name": "t", "image_size": 32, "channels": 1, "dimensions": 8, "width": 8}
    save_embedder(network, tmp_path / "t.safetensors", card)
    embedder = load_embedder(tmp_path / "t.safetensors")
    with pytest.raises(InvalidInputError, match=r"must be \[N, 1, 32, 32\] for t"):
        embedder(torch.zeros(1, 3, 32, 32))
    with pytest.raises(InvalidInputError, match="Known: none"):
        embedder.threshold("region")
    save_embedder(network, tmp_path / "u.safetensors", {**card, "width": 16})
    with pytest.raises(CheckpointError, match="does not fit its card"):
        load_embedder(tmp_path / "u.safetensors")
