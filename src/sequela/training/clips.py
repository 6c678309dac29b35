"""Clips to learn transitions from: folders of frames, video files, and the editor's own runs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sequela.core import InvalidInputError, Scan, Window
from sequela.imaging import Fit, channels_first, match_channels, to_model_range
from sequela.io import read_run, read_scan
from sequela.io.films import FILM_ENDINGS, read_film
from sequela.training.recipe import DataSettings

_PICTURES = (".dcm", ".jpeg", ".jpg", ".png", ".tif", ".tiff")
_RUN = "trajectory.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """Evenly spaced frames of one thing that changes.

    Attributes:
        name: Of its folder or file; for a run also of the branch.
        frames: In [-1, 1], at least 2.
        text: What happens in it; None where nothing says so.
    """

    name: str
    frames: Float[Tensor, "frame channel side side"]
    text: str | None = None


def read_clips(folder: Path, settings: DataSettings) -> Iterator[Clip]:
    """All clips below a folder, in the order of their names.

    A folder with a `trajectory.json` is a run, of which every branch is a clip; one with pictures
    is a clip of these; in any other, each video file is a clip, and folders are searched.

    Raises:
        InvalidInputError: no clip there, one of a single frame, or of frames of different sizes.
        UnreadableFileError: a file that is damaged.
    """
    found = _found(folder, settings)
    first = next(found, None)
    if first is None:
        raise InvalidInputError(
            f"`sets` must name folders with clips, but {folder.name} holds none. A clip is a "
            f"folder of frames, a run folder, or a video ({', '.join(FILM_ENDINGS)})."
        )
    yield from chain([first], found)


def _found(folder: Path, settings: DataSettings) -> Iterator[Clip]:
    entries = sorted(folder.iterdir(), key=_natural) if folder.is_dir() else []
    pictures = [path for path in entries if path.suffix.lower() in _PICTURES]
    if (folder / _RUN).is_file():
        yield from _branches(folder, settings)
    elif pictures:
        yield _pictured(folder.name, pictures, settings)
    else:
        for path in entries:
            if path.suffix.lower() in FILM_ENDINGS:
                yield _filmed(path, settings)
            elif path.is_dir() and path.name[0] != ".":
                yield from _found(path, settings)


def _branches(folder: Path, settings: DataSettings) -> Iterator[Clip]:
    run = read_run(folder)
    for branch in run.branches:
        if len(branch.states) < 2:
            continue
        states = [
            _square(to_model_range(state.image, run.scan.window), settings)
            for state in branch.states
        ]
        text = ", ".join(finding.text for finding in branch.condition.findings)
        yield _clip(f"{folder.name}/{branch.id}", states, text)


def _pictured(name: str, pictures: list[Path], settings: DataSettings) -> Clip:
    window: Window | None = None
    frames = []
    for picture in pictures:
        scan: Scan = read_scan(picture)
        window = window or scan.window  # one for all, or the frames would flicker
        frames.append(_square(to_model_range(scan.array, window), settings))
    return _clip(name, frames, None)


def _filmed(path: Path, settings: DataSettings) -> Clip:
    whole = Window(low=0, high=255, origin="dtype")
    frames = [_square(to_model_range(frame, whole), settings) for frame in read_film(path)]
    return _clip(path.name, frames, None)


def _square(image: Float[np.ndarray, "..."], settings: DataSettings) -> np.ndarray:
    first = channels_first(image)
    square = Fit.of((first.shape[1], first.shape[2]), settings.image_size).forward(first)
    # resizing overshoots at sharp edges
    return match_channels(np.clip(square, -1, 1), settings.channels)


def _clip(name: str, frames: list[np.ndarray], text: str | None) -> Clip:
    if len(frames) < 2:
        raise InvalidInputError(
            f"`sets` must hold clips of at least 2 frames, but {name} has {len(frames)}. "
            "Leave it out, or add its other frames."
        )
    return Clip(name=name, frames=torch.from_numpy(np.stack(frames)).float(), text=text)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Frame 2 before frame 10."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
