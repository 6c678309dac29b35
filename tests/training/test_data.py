"""Which images a training sees: sides, few shots, balance, framing, and streams from disk."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sequela.cohorts import Example, split_of
from sequela.core import InvalidInputError
from sequela.training.data import ImageSet, choose, few, load_images, read_examples, step_generator
from sequela.training.image_files import ImageFiles, decode
from sequela.training.recipe import DataSettings
from tests.cohorts.layouts import draw_chexpert, draw_plain, rewrite


def settings(**changes) -> DataSettings:
    return DataSettings(**{"sets": ("plain-csv",), "image_size": 32, **changes})


def example(name: str, patient: str = "", **more) -> Example:
    told = {"split": "train", "findings": (), **more}
    return Example(path=Path(f"{name}.png"), patient=patient or name, **told)


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    paths = []
    for index in range(5):
        paths.append(tmp_path / f"{index}.png")
        shape = (40, 30) if index % 2 else (40, 30, 3)
        Image.fromarray(rng.integers(0, 256, shape).astype(np.uint8)).save(paths[-1])
    return paths


def examples_of(files):
    return [Example(path=p, patient=p.stem, split="train", findings=()) for p in files]


def test_a_recipe_may_split_any_set_by_hash(tmp_path):
    root = draw_chexpert(tmp_path)
    own = read_examples(settings(sets=("chexpert",)), root)
    hashed = read_examples(settings(sets=("chexpert",), split="hash"), root)
    assert {e.split for e in own} == {"train", "val"}
    assert [e.split for e in hashed] == [split_of(e.patient) for e in own]
    assert [e.split for e in hashed] != [e.split for e in own]


def test_an_image_of_which_all_is_open_is_not_healthy(tmp_path):
    root = draw_plain(tmp_path)
    rewrite(
        root / "images.csv",
        "file,findings,patient,view,text",
        "file,findings,patient,view,open_findings",
    )
    rewrite(root / "images.csv", "b.png,,p2,,", "b.png,,p1,,Edema")
    rewrite(root / "images.csv", '"Earlier film, lost"', "")
    examples = read_examples(settings(), root)
    (split,) = {e.split for e in examples}
    found = load_images(examples, split, settings()).findings
    assert found == (("Cardiomegaly", "Edema"), None, None)


def test_a_side_without_images_is_told():
    with pytest.raises(
        InvalidInputError, match=r"leave at least one image to val, .* of plain-csv"
    ):
        choose([example("a")], "val", settings())


def test_only_images_of_asked_for_findings_are_chosen():
    both = [example("a", findings=("Edema",)), example("b"), example("c", findings=None)]
    assert choose(both, "train", settings(findings=("Edema",))) == both[:1]


def test_few_shots_are_of_many_patients_and_more_shots_add_to_them():
    examples = [example(f"{i}", patient=f"p{i % 4}") for i in range(12)]
    chosen = [few(examples, count) for count in (4, 6)]
    assert len({e.patient for e in chosen[0]}) == 4
    assert chosen[1][:4] == chosen[0]
    assert few(examples[::-1], 6) == chosen[1]
    assert choose(examples, "train", settings(shots=4)) == chosen[0]


def test_balanced_findings_are_drawn_equally_often():
    findings = ((),) * 60 + (("Edema",),) * 30 + (("Pneumonia",),) * 9 + (None,)
    images = ImageSet(images=torch.zeros(100, 1, 2, 2), findings=findings, views=("",) * 100)
    drawn = images.draw(3000, step_generator(0), step=0, settings=settings(balance_findings=True))
    counts = Counter(findings[i] for i in drawn.tolist())
    assert counts[None] == 0
    assert all(850 < count < 1150 for found, count in counts.items())


def test_two_ways_of_balancing_exclude_each_other():
    with pytest.raises(InvalidInputError, match="exclude each other"):
        settings(balance_findings=True, balance_views_from=3)


def test_the_centre_is_cut_as_published_and_the_whole_is_padded(tmp_path):
    ramp = np.zeros((64, 32), np.uint8)
    ramp[16:48] = 255
    Image.fromarray(ramp).save(tmp_path / "tall.png")
    centre = decode(tmp_path / "tall.png", settings(framing="centre"))
    assert centre.shape == (1, 32, 32)
    assert centre.min() == 1
    whole = decode(tmp_path / "tall.png", settings())
    assert whole[0, 16].max() > 0.99
    assert whole[0, 0].max() < -0.9


@pytest.mark.parametrize("channels", [1, 3])
def test_a_stream_shows_what_memory_would_to_eight_bits(files, tmp_path, channels):
    memory = load_images(examples_of(files), "train", settings(channels=channels))
    small = settings(channels=channels, memory_gb=1e-6)
    stream = load_images(examples_of(files), "train", small, tmp_path / "kept")
    assert isinstance(stream.images, ImageFiles)
    chosen = torch.tensor([3, 0, 3])
    for _ in range(2):  # decoded, then as kept
        shown = stream.images[chosen]
        assert shown.shape == (3, channels, 32, 32)
        assert (shown - memory.images[chosen].clamp(-1, 1)).abs().max() <= 1 / 255 + 1e-6
    parts = list(stream.parts(2))
    assert [len(part) for part in parts] == [2, 2, 1]
    assert torch.equal(torch.cat(parts)[chosen], stream.images[chosen])


def test_what_is_kept_is_read_instead_of_the_file_until_that_changes(files, tmp_path):
    stream = ImageFiles(paths=files, settings=settings(), cache=tmp_path / "kept")
    first = stream[torch.arange(5)]
    kept = sorted((tmp_path / "kept").rglob("*.npy"))
    assert len(kept) == 5
    for file in kept:
        np.save(file, np.zeros_like(np.load(file)))
    assert stream[torch.arange(5)].max() == -1
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(files[0])
    assert stream[torch.tensor([0])].max() > 0.9
    assert first.max() > 0


def test_a_stream_without_a_folder_keeps_nothing(files):
    stream = ImageFiles(paths=files, settings=settings())
    assert stream[torch.tensor([1])].shape == (1, 1, 32, 32)
