"""A region drawn by a Segment Anything model, shown where by the user or by `auto`.

MedSAM is shown a box and draws one mask; SAM and SAM 2 draw three for any prompt, of which the one
that they score highest is taken. Not run on published weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy import ndimage

from sequela.backbones.segment_anything import SegmentAnything, draw, load_segment_anything
from sequela.conditioning.regions.auto import auto_region
from sequela.conditioning.regions.provider import AutoRegion, Box, Point, RegionRequest
from sequela.core import InvalidInputError, Region, Scan, UnknownNameError
from sequela.render.display import to_display

_OUTSIDE = 0.05  # a chance below is 0, or the whole image would be allowed to change a little
_PART = 0.1  # parts of the automatic region below this share of its largest are no prompt


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What shows the model one object.

    Attributes:
        box: Around it.
        points: On it.
    """

    box: Box | None = None
    points: tuple[Point, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """One object as the model drew it.

    Attributes:
        chance: Of each pixel to belong to it.
        score: How well the model thinks the mask fits, in [0, 1]; None where it learned no scores.
    """

    chance: Float[np.ndarray, "height width"]
    score: float | None


def segment_anything(scan: Scan, request: RegionRequest) -> AutoRegion:
    """What a Segment Anything model draws for the request's boxes and points, as a soft mask.

    Each box shows one object, together with the points in it; points without a box all lie on one
    object. Without either, each part of the automatic region is boxed.

    Args:
        scan: Grey or colour image; the model sees it through its window.
        request: `model` names the weights: a folder or a hub id.

    Raises:
        InvalidInputError: a volume, no model, no prompt where `auto` knows none either, points for
            a model that learned boxes, or nothing found.
        CheckpointError: the weights cannot be used.
    """
    if scan.is_volume:
        raise InvalidInputError(
            f"`region` sam needs a two-dimensional image, got a volume ({scan.source.name}). "
            "Take one slice, or draw the region and give its file."
        )
    if request.model is None:
        raise InvalidInputError(
            "`model` must be given for the region sam (--region-model), got none: a folder or a "
            "hub id such as facebook/sam-vit-base. No such weights are bundled."
        )
    request.check(scan)
    prompts, by, doubt = _prompts(scan, request)
    model = _loaded(request.model, _stamp(request.model))
    if model.box_only and any(prompt.points for prompt in prompts):
        raise InvalidInputError(
            f"`point` must not be given to {model.name}, which learned to follow boxes alone, got "
            f"{request.points}. Give a box, or take SAM or SAM 2 weights."
        )
    found = segment(model, picture_of(scan), prompts)
    region = settled(np.max([each.chance for each in found], axis=0))
    origin = f"sam: {model.name}, prompted by {by}"
    doubts = [doubt, *(_doubt(each, p) for each, p in zip(found, prompts, strict=True))]
    if not region.any():
        raise InvalidInputError(
            f"`region` sam found nothing on {scan.source.name} with {model.name}, prompted by "
            f"{by}. Move the prompt, take other weights, or draw the region and give its file."
        )
    told = "; ".join(dict.fromkeys(d for d in doubts if d))
    notice = (
        f"The region that {model.name} drew on {scan.source.name} is doubtful ({told}). Check it, "
        "or draw the region and give its file."
    )
    return AutoRegion(region=Region(array=region, origin=origin), notice=notice if told else None)


def segment(
    model: SegmentAnything,
    picture: UInt8[np.ndarray, "height width 3"],
    prompts: Sequence[Prompt],
) -> list[Drawn]:
    """One object for each prompt; the picture is encoded once."""
    features, frame = model.encode(picture)
    positions = model.positions()
    found = []
    for prompt in prompts:
        box = frame.boxes(torch.tensor([prompt.box])) if prompt.box else None
        points = frame.points(torch.tensor([prompt.points])) if prompt.points else None
        with torch.no_grad():
            logits, scores = draw(
                model.network.mask_decoder,
                features,
                positions,
                model.prompt(box, points),
                several=not model.box_only,
            )
        best = int(scores[0].argmax())
        chance = torch.sigmoid(frame.back(logits[0, best : best + 1].cpu()))[0].numpy()
        score = None if model.box_only else float(scores[0, best])
        found.append(Drawn(chance=chance, score=score))
    return found


def picture_of(scan: Scan) -> UInt8[np.ndarray, "height width 3"]:
    """The scan in its window as an sRGB picture."""
    shown = to_display(scan.array, scan.window)
    return shown if shown.ndim == 3 else np.repeat(shown[..., None], 3, axis=-1)


def boxes_of(mask: Float[np.ndarray, "height width"]) -> tuple[Box, ...]:
    """The box around each part of a soft mask, large ones first; specks are left out."""
    labels, count = ndimage.label(mask > 0.5)
    if not count:
        return ()
    areas = np.bincount(labels.ravel())[1:]
    places = ndimage.find_objects(labels)
    large = [i for i in np.argsort(-areas, kind="stable") if areas[i] >= _PART * areas.max()]
    rows = [(places[i][0], places[i][1]) for i in large]
    return tuple(
        (float(across.start), float(down.start), float(across.stop), float(down.stop))
        for down, across in rows
    )


def settled(chance: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "height width"]:
    """The chances where something likely is found, with its soft edge; 0 everywhere else."""
    labels, _ = ndimage.label(chance >= _OUTSIDE)
    likely = np.unique(labels[chance > 0.5])
    kept = np.isin(labels, likely[likely > 0])
    return np.where(kept, np.clip(chance, 0, 1), 0).astype(np.float32)


def _prompts(scan: Scan, request: RegionRequest) -> tuple[list[Prompt], str, str | None]:
    """The prompts, who gave them, and why they are doubtful."""
    if request.boxes:
        return _around(request), _count("box", len(request.boxes), "boxes"), None
    if request.points:
        by = _count("point", len(request.points), "points")
        return [Prompt(points=request.points)], by, None
    try:
        found = auto_region(scan, request.domain, request.findings)
    except (InvalidInputError, UnknownNameError) as error:
        raise InvalidInputError(
            f"`box` or `point` must be given for the region sam on {scan.source.name}, because "
            f"auto finds nothing to show the model: {error}"
        ) from error
    boxes = boxes_of(found.region.array)
    if not boxes:
        raise InvalidInputError(
            f"`box` or `point` must be given for the region sam on {scan.source.name}, because "
            "the automatic region is empty there. Count pixels from the upper left corner."
        )
    by = f"{_count('box', len(boxes), 'boxes')} around {found.region.origin}"
    doubt = None if found.notice is None else "so is the automatic region that prompted it"
    return [Prompt(box=box) for box in boxes], by, doubt


def _around(request: RegionRequest) -> list[Prompt]:
    homeless = [p for p in request.points if not any(_holds(box, p) for box in request.boxes)]
    if homeless:
        raise InvalidInputError(
            f"`point` must lie in one of the boxes when both are given, got {homeless[0]}. "
            "Give it a box of its own, or leave the boxes out."
        )
    return [
        Prompt(box=box, points=tuple(p for p in request.points if _holds(box, p)))
        for box in request.boxes
    ]


def _holds(box: Box, point: Point) -> bool:
    return box[0] <= point[0] < box[2] and box[1] <= point[1] < box[3]


def _count(one: str, number: int, several: str) -> str:
    return one if number == 1 else f"{number} {several}"


def _doubt(found: Drawn, prompt: Prompt) -> str | None:
    """Why a mask is not to be trusted, in a few words."""
    mask = found.chance > 0.5
    inside = np.ones_like(mask)
    if prompt.box is not None:
        left, top, right, bottom = (round(edge) for edge in prompt.box)
        inside = np.zeros_like(mask)
        inside[top:bottom, left:right] = True
    area = float(mask.sum())
    doubts = {
        "it holds nothing where it was prompted": not (mask & inside).any(),
        "much of it lies outside its box": (mask & ~inside).sum() > 0.25 * area,
        "it fills little of its box": (
            prompt.box is not None and (mask & inside).sum() < 0.1 * inside.sum()
        ),
        "it covers nearly the whole image": area > 0.9 * mask.size,
        f"the model scores it {found.score or 0:.2f} of 1": (
            found.score is not None and found.score < 0.5
        ),
    }
    return next((doubt for doubt, holds in doubts.items() if holds), None)


def _stamp(model: str) -> tuple[int, ...]:
    """When the files of a folder were written, so that newly trained weights are read again."""
    folder = Path(model).expanduser()
    files = sorted(folder.glob("*")) if folder.is_dir() else []
    return tuple(file.stat().st_mtime_ns for file in files)


@lru_cache(maxsize=1)
def _loaded(model: str, stamp: tuple[int, ...]) -> SegmentAnything:
    """The weights, kept for the next scan: a cohort asks for them again and again."""
    del stamp  # a part of the key
    return load_segment_anything(model)
