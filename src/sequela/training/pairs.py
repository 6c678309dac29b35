"""Pairs of an image and its hand-drawn mask, from a folder, and the objects drawn in them."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from sequela.conditioning.regions.sam import picture_of
from sequela.core import GeometryMismatchError, InvalidInputError
from sequela.io import read_region_file, read_scan
from sequela.training.data import vary
from sequela.training.recipe import DataSettings

_SPECK = 0.02  # parts below this share of a mask's largest are slips of the hand


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """One image as it is shown, and the mask that was drawn on it.

    Attributes:
        name: File name of the image.
        sha256: Of the image file.
        picture: sRGB, through its window.
        mask: Where the mask is above one half.
    """

    name: str
    sha256: str
    picture: UInt8[np.ndarray, "height width 3"]
    mask: Bool[np.ndarray, "height width"]

    @property
    def parts(self) -> list[Bool[np.ndarray, "height width"]]:
        """The connected parts of the mask, such as one lung each, without specks."""
        labels, count = ndimage.label(self.mask)
        areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        return [labels == 1 + i for i in range(count) if areas[i] >= _SPECK * areas.max()]


def read_pairs(folder: Path) -> list[Pair]:
    """All pairs of `folder/images` and `folder/masks`, by the names of their files.

    Raises:
        InvalidInputError: no pairs, a file without its partner, or a volume.
        GeometryMismatchError: a mask of another size than its image.
    """
    images, masks = _by_stem(folder / "images"), _by_stem(folder / "masks")
    alone = sorted(images.keys() ^ masks.keys())
    if alone or not images:
        got = f"{alone[0]} has no partner" if alone else "there are none"
        raise InvalidInputError(
            f"`sets` must name a folder with images/ and masks/ of the same file names, but in "
            f"{folder.name} {got}. Give every image one mask: white is what to find."
        )
    return [_pair(images[stem], masks[stem]) for stem in sorted(images)]


def varied(pair: Pair, settings: DataSettings, generator: torch.Generator) -> Pair:
    """The pair turned, scaled, moved and re-contrasted a little, image and mask alike."""
    kept = generator.get_state()
    picture = torch.from_numpy(pair.picture).movedim(-1, 0)[None].float() / 127.5 - 1
    picture = vary(picture, settings, generator)
    generator.set_state(kept)  # the mask moves as the image did
    mask = torch.from_numpy(pair.mask)[None, None].float()
    mask = vary(mask, replace(settings, contrast=0.0), generator)
    shown = ((picture[0] + 1) * 127.5).round().to(torch.uint8).movedim(0, -1)
    return replace(pair, picture=shown.contiguous().numpy(), mask=mask[0, 0].numpy() > 0.5)


def box_of(part: Bool[np.ndarray, "height width"]) -> Float[torch.Tensor, "4"]:
    """Left, top, right, bottom of a mask; right and bottom open."""
    down, across = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    edges = (across[0], down[0], across[-1] + 1, down[-1] + 1)
    return torch.tensor([float(edge) for edge in edges])


def _pair(image: Path, drawn: Path) -> Pair:
    scan, mask = read_scan(image), read_region_file(drawn).array > 0.5
    if scan.is_volume:
        raise InvalidInputError(
            f"`sets` must hold two-dimensional images, got the volume {image.name}. Take slices."
        )
    if mask.shape != scan.plane:
        raise GeometryMismatchError(
            f"`sets` must hold masks of their images' size, but {drawn.name} has {mask.shape} and "
            f"{image.name} {scan.plane}. Draw the mask on that image."
        )
    if not mask.any():
        raise InvalidInputError(
            f"`sets` must hold masks with something in them, but {drawn.name} is below one half "
            "everywhere. Paint what to find white, or leave the pair out."
        )
    return Pair(name=image.name, sha256=scan.source.sha256, picture=picture_of(scan), mask=mask)


def _by_stem(folder: Path) -> dict[str, Path]:
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return {file.stem: file for file in files if file.is_file() and file.name[0] != "."}
