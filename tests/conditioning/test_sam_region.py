"""The region `sam`: prompts from the user or from `auto`, on networks with random weights.

What random weights draw means nothing; that the right prompt reaches the network, and what is made
of its answer, does.
"""

import numpy as np
import pytest
import torch

from sequela.backbones.segment_anything import load_segment_anything
from sequela.conditioning.regions import RegionRequest, auto_region
from sequela.conditioning.regions.sam import (
    Prompt,
    boxes_of,
    picture_of,
    segment,
    segment_anything,
    settled,
)
from sequela.core import InvalidInputError, Scan, Source, Window
from tests.backbones.tiny_segment import tiny_sam, tiny_sam2
from tests.conditioning.test_auto_region import film, phantom

BOX = (10.0, 20.0, 90.0, 120.0)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {
        "sam": tiny_sam(folder / "tiny-sam"),
        "sam2": tiny_sam2(folder / "tiny-sam2"),
        "medsam": tiny_sam(folder / "tiny-medsam"),
    }


def scan():
    grey, _ = phantom(160)
    return film(grey)


def asked(model, **prompts):
    return RegionRequest(domain="chest", model=str(model), **prompts)


def union(model, prompts):
    drawn = segment(load_segment_anything(model), picture_of(scan()), prompts)
    return settled(np.max([each.chance for each in drawn], axis=0))


@pytest.mark.parametrize("family", ["sam", "sam2", "medsam"])
def test_a_box_gives_a_soft_mask_on_the_grid_of_the_scan(models, family):
    region = segment_anything(scan(), asked(models[family], boxes=(BOX,))).region
    assert region.array.shape == (160, 160)
    assert region.origin == f"sam: tiny-{family}, prompted by box"
    assert np.array_equal(region.array, union(models[family], [Prompt(box=BOX)]))
    assert ((region.array > 0) & (region.array < 1)).any()


def test_several_boxes_are_several_objects_and_the_region_is_their_union(models):
    boxes = (BOX, (100.0, 20.0, 150.0, 60.0))
    region = segment_anything(scan(), asked(models["medsam"], boxes=boxes)).region
    one, other = (union(models["medsam"], [Prompt(box=box)]) for box in boxes)
    assert region.origin.endswith("prompted by 2 boxes")
    assert np.allclose(region.array, np.maximum(one, other), atol=0.051)


def test_points_without_a_box_lie_on_one_object(models):
    points = ((30.0, 40.0), (60.0, 80.0))
    region = segment_anything(scan(), asked(models["sam"], points=points)).region
    assert region.origin == "sam: tiny-sam, prompted by 2 points"
    assert np.array_equal(region.array, union(models["sam"], [Prompt(points=points)]))


@pytest.mark.parametrize("family", ["sam", "sam2"])
def test_a_point_goes_with_the_box_that_holds_it(models, family):
    boxes, point = (BOX, (100.0, 20.0, 150.0, 60.0)), (120.0, 40.0)
    region = segment_anything(scan(), asked(models[family], boxes=boxes, points=(point,))).region
    prompts = [Prompt(box=boxes[0]), Prompt(box=boxes[1], points=(point,))]
    assert np.array_equal(region.array, union(models[family], prompts))


def test_without_a_prompt_each_part_of_the_automatic_region_is_boxed(models):
    found = auto_region(scan()).region
    boxes = boxes_of(found.array)
    assert len(boxes) == 2
    region = segment_anything(scan(), asked(models["medsam"])).region
    assert region.origin == f"sam: tiny-medsam, prompted by 2 boxes around {found.origin}"
    assert np.array_equal(region.array, union(models["medsam"], [Prompt(box=b) for b in boxes]))


def test_of_several_masks_the_one_with_the_highest_score_is_taken(models):
    model = load_segment_anything(models["sam"])
    best = segment(model, picture_of(scan()), [Prompt(box=BOX)])[0]
    pixels, frame = model.reader(picture_of(scan()))
    box = frame.boxes(torch.tensor([[BOX]]))
    with torch.no_grad():
        every = model.network(pixel_values=pixels, input_boxes=box, multimask_output=True)
    scores = every.iou_scores[0, 0]
    assert best.score == pytest.approx(float(scores.max()))
    expected = torch.sigmoid(frame.back(every.pred_masks[0, 0]))[int(scores.argmax())]
    assert np.allclose(best.chance, expected.numpy(), atol=1e-5)


def test_medsam_draws_its_one_mask_and_claims_no_score(models):
    model = load_segment_anything(models["medsam"])
    drawn = segment(model, picture_of(scan()), [Prompt(box=BOX)])[0]
    assert drawn.score is None


def test_boxes_enclose_the_parts_and_leave_out_specks():
    mask = np.zeros((40, 60), np.float32)
    mask[5:15, 3:23] = 0.9
    mask[20:38, 30:50] = 0.8
    mask[0:2, 58:60] = 1
    assert boxes_of(mask) == ((30.0, 20.0, 50.0, 38.0), (3.0, 5.0, 23.0, 15.0))


def test_what_is_unlikely_is_exactly_zero_but_the_soft_edge_stays():
    chance = np.full((20, 20), 0.01, np.float32)
    chance[5:10, 5:10] = 0.9
    chance[4, 5:10] = 0.3  # its edge
    chance[15:17, 15:17] = 0.3  # an island that is nowhere likely
    kept = settled(chance)
    assert np.array_equal(kept > 0, (chance > 0.05) & (np.arange(20) < 12)[:, None])
    assert np.array_equal(kept[4:10], np.where(chance[4:10] > 0.05, chance[4:10], 0))


def test_a_doubtful_mask_is_reported(models):
    found = segment_anything(scan(), asked(models["medsam"], boxes=((2.0, 2.0, 12.0, 12.0),)))
    assert "doubtful" in found.notice
    assert "outside its box" in found.notice


def test_a_colour_image_is_seen_in_colour():
    colour = np.zeros((8, 9, 3), np.uint8)
    colour[..., 0] = 200
    photo = Scan(
        array=colour,
        modality="photo",
        window=Window(low=0, high=255, origin="dtype"),
        source=Source(name="skin.png", sha256=""),
    )
    assert np.array_equal(picture_of(photo), colour)


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        ({"boxes": ((0.0, 0.0, 500.0, 20.0),)}, "`box` must lie on"),
        ({"points": ((200.0, 5.0),)}, "`point` must lie on"),
        ({"boxes": (BOX,), "points": ((150.0, 150.0),)}, "must lie in one of the boxes"),
    ],
)
def test_prompts_that_make_no_sense_are_refused(models, prompts, words):
    with pytest.raises(InvalidInputError, match=words):
        segment_anything(scan(), asked(models["sam"], **prompts))


def test_points_for_medsam_are_refused(models):
    with pytest.raises(InvalidInputError, match="learned to follow boxes alone"):
        segment_anything(scan(), asked(models["medsam"], points=((5.0, 5.0),)))


def test_no_prompt_where_auto_knows_none_is_one_sentence(models):
    request = RegionRequest(domain="knee", model=str(models["sam"]))
    with pytest.raises(InvalidInputError, match=r"`box` or `point` must be given.*phantom\.png"):
        segment_anything(scan(), request)


def test_a_volume_is_refused(models):
    volume = film(np.arange(4 * 8 * 9, dtype=np.int16).reshape(4, 8, 9))
    with pytest.raises(InvalidInputError, match="needs a two-dimensional image, got a volume"):
        segment_anything(volume, asked(models["sam"], boxes=((0.0, 0.0, 4.0, 4.0),)))


def test_no_model_is_one_sentence():
    with pytest.raises(InvalidInputError, match="`model` must be given for the region sam"):
        segment_anything(scan(), RegionRequest(domain="chest", boxes=(BOX,)))


def test_newly_trained_weights_in_the_same_folder_are_read_again(models, tmp_path):
    folder = tiny_sam(tmp_path / "medsam", seed=0)
    first = segment_anything(scan(), asked(folder, boxes=(BOX,))).region.array
    tiny_sam(folder, seed=1)
    second = segment_anything(scan(), asked(folder, boxes=(BOX,))).region.array
    assert not np.array_equal(first, second)
