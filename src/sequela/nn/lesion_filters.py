"""Spots of the retina that are brighter or darker than what surrounds them, seen by fixed filters.

A spot is what a straight line of some length cannot hide in, whichever way it lies: vessels fit a
line along them and are left out. A network of free weights does not find this from a few hundred
photographs; see `docs/models.md`.

Source: Spencer et al., Comput Biomed Res 1996;29:284-302, for dark spots; Fleming et al., IEEE
Trans Med Imaging 2006;25:1223-32, for the surroundings by which spots are judged.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812  # torch's own convention
from jaxtyping import Bool, Float
from torch import Tensor, nn

from sequela.core import InvalidInputError
from sequela.nn.blur import blurred

# All lengths as shares of the photograph's side.
_LINES = (0.024, 0.04, 0.07)
_DIRECTIONS = 12
_SURROUNDINGS = 0.0375  # standard deviation of what counts as around a pixel
_UNIT = 0.1  # of where the local contrast is taken
_RIM = 0.03  # the camera's edge is bright or dark without a lesion
_DISC = 0.1375  # radius that the optic disc and its bright surroundings may fill
_BLACK = 0.14  # above the darkest pixel, of the range [-1, 1]: around the retina it is as dark
_LEVELS = (0.5, 1.0, 2.0)  # local contrasts above which pixels are counted
_TOP = 3.75e-4  # share of the photograph's pixels that the brightest spots may fill
_RANKS = (0.01, 0.002)
_FAINT, _PLAIN = 2.0, 5.0  # local contrasts: nobody is sure of one spot, nobody misses the other

Maps = Float[Tensor, "batch height width"]


class LesionFilters(nn.Module):
    """Figures of the bright and dark spots of a retina; nothing in it is learned."""

    features = 2 * len(_LINES) * (len(_RANKS) + 2 + len(_LEVELS))

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch feature"]:
        """Seven figures of each kind of spot and size, sizes in the outer order, dark first."""
        inside = retina(images)
        return torch.cat([_figures(m, inside) for m in spots(images)], dim=1)


class LesionFilterClassifier(nn.Module):
    """Standardised figures of spots with dropout and one logit for each target."""

    def __init__(self, channels: int, targets: int) -> None:
        super().__init__()
        if channels != 3:
            raise InvalidInputError(
                f"`channels` must be 3 for lesion filters, got {channels}. Read colour images."
            )
        self.filters = LesionFilters()
        self.scale = nn.BatchNorm1d(self.filters.features, affine=False)
        self.head = nn.Linear(self.filters.features, targets)

    def forward(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch target"]:
        """Logits."""
        with torch.no_grad():
            figures = self.filters(images)
        return torch.as_tensor(self.head(F.dropout(self.scale(figures), 0.3, self.training)))


def bright_spots(images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, " batch"]:
    """How bright the brightest spots of the largest size are, in units of the local contrast.

    Inside EyePACS, at 128 px, it tells grade 2 and above from grade 0 with an AUROC of .70.
    """
    return _top(_ranked(_large_bright(images), retina(images)))


def bright_places(
    images: Float[Tensor, "batch 3 height width"],
) -> Float[Tensor, "batch 1 height width"]:
    """Where `bright_spots` sees one: from 0, up to two local contrasts, to 1, from five."""
    seen = _large_bright(images).masked_fill(~retina(images), 0)
    return ((seen - _FAINT) / (_PLAIN - _FAINT)).clamp(0, 1)[:, None]


def _large_bright(images: Float[Tensor, "batch 3 height width"]) -> Maps:
    return _standing_out(_contrast(images), _LINES[-1])


def spots(images: Float[Tensor, "batch 3 height width"]) -> list[Maps]:
    """Dark and bright spots of each size, in units of the local contrast, 0 or above."""
    contrast = _contrast(images)
    return [_standing_out(sign * contrast, share) for share in _LINES for sign in (-1, 1)]


def _standing_out(contrast: Maps, share: float) -> Maps:
    """What is brighter than the best line through it, a share of the side long (an opening)."""
    length = share * contrast.shape[-1]
    lines = [_line(length, math.pi * i / _DIRECTIONS) for i in range(_DIRECTIONS)]
    opened = [_along(_along(contrast, line, torch.amin), line, torch.amax) for line in lines]
    return contrast - torch.stack(opened).amax(0)


def retina(images: Float[Tensor, "batch 3 height width"]) -> Bool[Tensor, "batch height width"]:
    """Where a spot may be a lesion: inside the camera's rim, and away from the optic disc."""
    side = images.shape[-1]
    field = _field(images)
    rim = int(side * _RIM)
    inside = -F.max_pool2d(-field[:, None], 2 * rim + 1, 1, rim)[:, 0]
    light = _smooth((0.3 * images[:, 0] + images[:, 1] + 1.3) * field, _DISC / 4.6 * side)
    brightest = (light * inside).flatten(1).argmax(1)
    rows = torch.arange(images.shape[-2], device=images.device)
    columns = torch.arange(side, device=images.device)
    away = (rows[None, :, None] - (brightest // side)[:, None, None]).square()
    away = away + (columns[None, None] - (brightest % side)[:, None, None]).square()
    return (inside > 0) & (away >= (_DISC * side) ** 2)


def _field(images: Tensor) -> Maps:
    light = images.mean(1)
    return (light > light.amin((1, 2), keepdim=True) + _BLACK).to(images)


def _contrast(images: Tensor) -> Maps:
    """The green channel against its surroundings, by the spread that it has about there."""
    field, side = _field(images), images.shape[-1]
    green = (images[:, 1] + 1) * 127.5
    around = _smooth(green * field, _SURROUNDINGS * side)
    around = around / (_smooth(field, _SURROUNDINGS * side) + 1e-3)
    detail = (green - around) * field
    spread = _smooth(detail.square(), _UNIT * side) / (_smooth(field, _UNIT * side) + 1e-3)
    return detail / (spread.sqrt() + 1)


def _smooth(maps: Maps, sigma_px: float) -> Maps:
    radius = math.ceil(3 * sigma_px)
    return blurred(F.pad(maps[:, None], (radius,) * 4), sigma_px, radius)[:, 0]


def _line(length_px: float, angle: float) -> list[tuple[int, int]]:
    """Pixels of a straight line through (0, 0), the same number to both sides."""
    reach = max(1, round((length_px - 1) / 2))
    steps = range(-reach, reach + 1)
    return [(round(s * math.sin(angle)), round(s * math.cos(angle))) for s in steps]


def _along(maps: Maps, line: list[tuple[int, int]], best: Callable[..., Tensor]) -> Maps:
    """The best value on the line about each pixel."""
    reach = max(max(abs(y), abs(x)) for y, x in line)
    height, width = maps.shape[-2:]
    padded = F.pad(maps[:, None], (reach,) * 4, mode="replicate")[:, 0]
    shifted = [
        padded[:, reach + y : reach + y + height, reach + x : reach + x + width] for y, x in line
    ]
    return best(torch.stack(shifted), dim=0)


def _figures(spots: Maps, inside: Bool[Tensor, "batch height width"]) -> Float[Tensor, "batch 7"]:
    """Two high ranks, the mean of the top, the mean, and how many pixels pass each level."""
    ranked = _ranked(spots, inside)
    count = inside.sum((1, 2))
    at = [ranked.gather(1, (count * share).long()[:, None])[:, 0] for share in _RANKS]
    seen = ranked.clamp(min=0)
    passed = [(ranked > level).sum(1).float().log1p() for level in _LEVELS]
    figures = [*at, _top(ranked), seen.sum(1) / count.clamp(min=1), *passed]
    return torch.stack(figures, dim=1).clamp(min=0)


def _ranked(
    spots: Maps, inside: Bool[Tensor, "batch height width"]
) -> Float[Tensor, "batch pixel"]:
    """All pixels, the brightest spots first; those outside come last, as -1."""
    return spots.masked_fill(~inside, -1).flatten(1).sort(dim=1, descending=True).values


def _top(ranked: Float[Tensor, "batch pixel"]) -> Float[Tensor, " batch"]:
    return ranked[:, : max(3, round(_TOP * ranked.shape[1]))].mean(1).clamp(min=0)
