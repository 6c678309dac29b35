"""The mask decoder learns from a few pairs: exactly resumable, everything else untouched."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from sequela.backbones.segment_anything import load_segment_anything
from sequela.backbones.segment_frame import SegmentFrame
from sequela.conditioning.regions import RegionRequest
from sequela.conditioning.regions.sam import segment_anything
from sequela.core import GeometryMismatchError, InvalidInputError
from sequela.io import read_scan
from sequela.training import read_recipe, run_recipe
from sequela.training.data import step_generator
from sequela.training.objectives.mask_decoder import MaskDecoderObjective, dice, jittered
from sequela.training.pairs import read_pairs, varied
from tests.backbones.tiny_segment import tiny_sam, tiny_sam2

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
RECIPE = """
name = "tiny-decoder"
objective = "mask-decoder"
[card]
licence = "drawn"
[data]
sets = ["pairs"]
[network]
model = "{model}"
held_out = "held-out"
variants = {variants}
[optimiser]
steps = {steps}
batch_size = 4
learning_rate = 5e-3
warmup_steps = 2
ema_decay = 0.9
[log]
every = 1
evaluate_every = 100
checkpoint_every = {checkpoint}
"""


def draw_pairs(folder, count, seed):
    """Bright discs on noise, with their masks; the second pair shows two."""
    rng = np.random.default_rng(seed)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    rows, columns = np.mgrid[:56, :64]
    for index in range(count):
        mask = np.zeros((56, 64), bool)
        for middle in ((14, 14), (40, 46)) if index == 1 else ((28, 32),):
            row, column = middle + rng.uniform(-2, 2, 2)
            mask |= (rows - row) ** 2 + (columns - column) ** 2 < rng.uniform(7, 10) ** 2
        grey = 60 + 110 * mask + rng.normal(0, 8, mask.shape)
        picture = np.clip(grey, 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(folder / "images" / f"{index:02d}.png")
        Image.fromarray(np.uint8(255) * mask).save(folder / "masks" / f"{index:02d}.png")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    draw_pairs(folder / "pairs", 10, 0)
    draw_pairs(folder / "held-out", 4, 1)
    return folder


@pytest.fixture(scope="module", params=["sam", "sam2"])
def base(request, tmp_path_factory):
    make = {"sam": tiny_sam, "sam2": tiny_sam2}[request.param]
    return make(tmp_path_factory.mktemp("models") / f"tiny-{request.param}")


def recipe(path, base, *, steps=4, checkpoint=100, variants=2):
    text = RECIPE.format(model=base, steps=steps, checkpoint=checkpoint, variants=variants)
    path.write_text(text)
    return read_recipe(path)


class InterruptedTrainingError(Exception):
    pass


def test_a_stopped_and_resumed_training_gives_the_same_weights(base, data, tmp_path):
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"
    run_recipe(recipe(tmp_path / "1.toml", base), data=data, out=straight)

    def stop(step, steps, loss):
        if step == 3:
            raise InterruptedTrainingError

    again = recipe(tmp_path / "2.toml", base, checkpoint=2)
    with pytest.raises(InterruptedTrainingError):
        run_recipe(again, data=data, out=resumed, progress=stop)
    run_recipe(again, data=data, out=resumed)
    one, other = (
        load_file(out / "checkpoint" / "averaged.safetensors") for out in (straight, resumed)
    )
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_only_the_decoder_learns_and_the_export_is_a_model_for_the_region(base, data, tmp_path):
    folder = run_recipe(recipe(tmp_path / "r.toml", base), data=data, out=tmp_path / "out")
    before, after = load_segment_anything(base), load_segment_anything(folder)
    old, new = before.network.state_dict(), after.network.state_dict()
    changed = {key for key in old if not torch.equal(old[key], new[key])}
    assert changed
    assert all(key.startswith("mask_decoder.") for key in changed)
    card = json.loads((folder / "card.json").read_text())
    assert card["licence"] == "drawn"
    assert card["base"]["sha256"] == before.card["sha256"]
    assert card["data"] == {"sets": ["pairs"], "training_pairs": 10, "held_out_pairs": 4}
    assert str(base.parent) not in (folder / "card.json").read_text()
    scan = read_scan(data / "held-out" / "images" / "00.png")
    request = RegionRequest(domain="skin", boxes=((5.0, 15.0, 30.0, 45.0),), model=str(folder))
    found = segment_anything(scan, request)
    assert found.region.array.shape == (56, 64)
    assert found.region.origin == "sam: model, prompted by box"


def test_what_is_learned_helps_on_pictures_that_were_held_out(data, tmp_path):
    base = tiny_sam(tmp_path / "tiny-sam")
    untouched = MaskDecoderObjective.of(recipe(tmp_path / "r.toml", base), data)
    before = untouched.evaluate(untouched.networks, 0, tmp_path / "sheets")["dice"]
    out = tmp_path / "out"
    run_recipe(recipe(tmp_path / "s.toml", base, steps=60), data=data, out=out)
    lines = (out / "held_out.csv").read_text().splitlines()
    assert lines[0] == "step,dice,dice_worst"
    assert float(lines[-1].split(",")[1]) > before + 0.2


def test_figures_without_a_held_out_set_say_whose_they_are(data, tmp_path):
    settings = recipe(tmp_path / "r.toml", tiny_sam(tmp_path / "tiny-sam"))
    plain = MaskDecoderObjective.of(settings, data)
    alone = MaskDecoderObjective(settings, plain.model, read_pairs(data / "pairs"), [])
    figures = alone.evaluate(alone.networks, 0, tmp_path)
    assert set(figures) == {"dice_of_training_pairs", "dice_of_training_pairs_worst"}


def test_every_part_of_a_mask_is_an_object_with_its_own_box(data, tmp_path):
    settings = recipe(tmp_path / "r.toml", tiny_sam(tmp_path / "tiny-sam"), variants=1)
    objective = MaskDecoderObjective.of(settings, data)
    assert [len(each.boxes) for each in objective.train][:2] == [1, 2]
    two = objective.train[1]
    for box, target in zip(two.boxes, two.targets, strict=True):
        on_grid = two.frame.back(target[None])[0] > 0.5
        left, top, right, bottom = (int(edge) for edge in box)
        inside = on_grid[top:bottom, left:right].sum()
        assert inside > 0.95 * on_grid.sum()
        assert 0.6 < inside / ((right - left) * (bottom - top)) < 0.9  # a disc fills 0.79 of it


def test_the_batch_depends_on_seed_and_step_alone(data, tmp_path):
    settings = recipe(tmp_path / "r.toml", tiny_sam(tmp_path / "tiny-sam"))
    one, other = (MaskDecoderObjective.of(settings, data) for _ in range(2))
    first = one.batch(3, step_generator(0, 5, 0, 0), 5)
    second = other.batch(3, step_generator(0, 5, 0, 0), 5)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_image_and_mask_are_varied_alike(data, tmp_path):
    settings = recipe(tmp_path / "r.toml", "unused").data
    pair = read_pairs(data / "pairs")[0]
    changed = varied(pair, settings, torch.Generator().manual_seed(3))
    assert not np.array_equal(changed.mask, pair.mask)
    bright = changed.picture[..., 0] > 115
    assert dice(bright, changed.mask) > 0.95


def test_jitter_keeps_boxes_open_and_on_the_image():
    frame = SegmentFrame(space=(50, 60), inner=(50, 60), side=64)
    box = torch.tensor([2.0, 3.0, 58.0, 49.0])
    moved = jittered(box, torch.tensor([-1.0, -1.0, 1.0, 1.0]), frame)
    assert moved.tolist() == [0, 0, 60, 50]
    shut = jittered(box, torch.tensor([0.9, 0.9, -0.9, -0.9]), frame)
    assert shut[2] > shut[0]
    assert shut[3] > shut[1]
    assert torch.equal(jittered(box, torch.zeros(4), frame), box)


@pytest.mark.parametrize("case", ["no pairs", "no partner", "other size", "nothing drawn"])
def test_pairs_that_cannot_be_used_are_named(tmp_path, case):
    draw_pairs(tmp_path / "pairs", 2, 0)
    mask = tmp_path / "pairs" / "masks" / "00.png"
    if case == "no pairs":
        error, words, folder = InvalidInputError, "there are none", "elsewhere"
    elif case == "no partner":
        mask.unlink()
        error, words, folder = InvalidInputError, "00 has no partner", "pairs"
    elif case == "other size":
        Image.fromarray(np.full((19, 19), 255, np.uint8)).save(mask)
        error, words, folder = GeometryMismatchError, r"00\.png has \(19, 19\)", "pairs"
    else:
        Image.fromarray(np.full((56, 64), 100, np.uint8)).save(mask)
        error, words, folder = InvalidInputError, "below one half", "pairs"
    with pytest.raises(error, match=words):
        read_pairs(tmp_path / folder)


def test_held_out_images_that_were_trained_on_are_refused(data, tmp_path):
    path = tmp_path / "r.toml"
    recipe(path, "unused")
    path.write_text(path.read_text().replace('"held-out"', '"pairs"'))
    with pytest.raises(InvalidInputError, match="must not hold training images"):
        MaskDecoderObjective.of(read_recipe(path), data)
