"""Radio-opaque hardware on a chest film: wires and tubes, housings, electrodes.

Found by a small network that learned from hardware drawn into real films (recipe `chest-hardware`).
"""

from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

from sequela.checkpoints import TrainedSegmenter, find_network, load_segmenter
from sequela.core import InvalidInputError, Region, Scan
from sequela.imaging.fit import channels_first, resize, to_model_range
from sequela.nn.segmenter import Segmenter

_LIKELY = 0.5  # probability from which on a pixel is hardware, at the heart of a piece
_POSSIBLE = 0.2  # and around it, so that a wire is not cut where it is faint
_LONG = 30  # px of a film of 512 px that a wire is long at least
_SMALLEST = 30  # px that a body covers at least
_HOUSING = 600  # px from which on a body is a generator's housing
_KNOWN = 0.3  # share of a piece beside the baseline's hardware from which on it is no invention
_TILE = 256  # px that the network sees at once, as in training
MARGIN = 4.0  # px of a film of 512 px that are protected around hardware

Mask = Bool[np.ndarray, "height width"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One piece of hardware.

    Attributes:
        kind: `wire` (tubes and lines too), `generator` or `electrode`.
        box: Left, top, right, bottom in pixels of the scan.
        area: Share of the image.
        score: Mean of the finder's probability over it.
    """

    kind: str
    box: tuple[float, float, float, float]
    area: float
    score: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Devices:
    """All hardware found on one scan.

    Attributes:
        mask: Where it is, on the scan's grid.
        parts: The pieces.
    """

    mask: Mask
    parts: tuple[Part, ...]

    @property
    def summary(self) -> str:
        """Such as `1 generator, 2 wires`."""
        counts = sorted(Counter(part.kind for part in self.parts).items())
        return ", ".join(f"{n} {kind}{'' if n == 1 else 's'}" for kind, n in counts)


def find_devices(scan: Scan) -> Devices:
    """The radio-opaque hardware on a frontal chest film.

    For keeping it in a simulation. Faint tubes over bone are missed, and a calcified rib may be
    taken for a wire; look at the result.

    Raises:
        InvalidInputError: The scan is a volume.
    """
    if scan.is_volume:
        raise InvalidInputError(
            f"`scan` must be a film, but {scan.source.name} is a volume. Give a 2-D image."
        )
    return devices_on(scan, scan.array)


def devices_on(scan: Scan, array: np.ndarray) -> Devices:
    """The hardware on an image that lies on the scan's grid, in its units."""
    pieces = _found(scan, array)
    small = np.logical_or.reduce([piece.mask for piece in pieces], axis=0) if pieces else None
    height, width = scan.plane
    if small is None:
        return Devices(mask=np.zeros((height, width), bool), parts=())
    return Devices(
        mask=resize(small[None].astype(np.float32), (height, width))[0] > 0.25,
        parts=tuple(_part(piece, scan) for piece in pieces),
    )


def protected_region(devices: Devices, scan: Scan, *, margin: float = MARGIN) -> Region:
    """Where nothing may change, so that the hardware stays as it is.

    Args:
        devices: What was found on the scan.
        scan: The image.
        margin: Kept around it, in px of a film of 512 px.
    """
    pixels = margin * max(scan.plane) / _finder().card["side"]
    near = ndimage.distance_transform_edt(~devices.mask) <= pixels
    return Region(array=near.astype(np.float32), origin=f"auto: devices ({devices.summary})")


def invented_devices(
    scan: Scan, state: np.ndarray, devices: Devices, named: tuple[str, ...] = ()
) -> tuple[Part, ...]:
    """Hardware on a later state that neither the baseline nor the text has.

    Args:
        scan: The baseline.
        state: A later state on its grid, in its units.
        devices: What was found on the baseline.
        named: Hardware that the text names; any name excuses all, for a report tells no number.
    """
    if named:
        return ()
    pieces = _found(scan, state)
    if not pieces:
        return ()
    reach = 3 * MARGIN * max(scan.plane) / _finder().card["side"]
    near = ndimage.distance_transform_edt(~devices.mask) <= reach
    known = resize(near[None].astype(np.float32), pieces[0].mask.shape)[0] > 0.5
    return tuple(_part(p, scan) for p in pieces if known[p.mask].mean() < _KNOWN)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Piece:
    """One piece on the finder's grid."""

    kind: str
    mask: Mask
    score: float


def _found(scan: Scan, array: np.ndarray) -> list[_Piece]:
    lines, bodies = _probabilities(scan, array)
    wires = [("wire", lines, mask) for mask in _pieces(lines) if _length(mask) >= _LONG]
    others = [
        ("generator" if mask.sum() >= _HOUSING else "electrode", bodies, mask)
        for mask in _pieces(bodies)
        if mask.sum() >= _SMALLEST
    ]
    return [
        _Piece(kind=kind, mask=mask, score=float(shown[mask].mean()))
        for kind, shown, mask in wires + others
    ]


@cache
def _finder() -> TrainedSegmenter:
    return load_segmenter(find_network("chest-hardware"))


@torch.inference_mode()
def _probabilities(
    scan: Scan, array: np.ndarray
) -> tuple[Float[np.ndarray, "height width"], Float[np.ndarray, "height width"]]:
    """Of lines and of bodies, on a grid with the finder's side."""
    finder = _finder()
    grey = channels_first(to_model_range(array, scan.window)).mean(axis=0, keepdims=True)
    scale = finder.card["side"] / max(scan.plane)
    height, width = (max(finder.network.multiple, round(side * scale)) for side in scan.plane)
    film = torch.from_numpy(np.clip(resize(grey, (height, width)), -1, 1).astype(np.float32))
    total, counts = torch.zeros(2, height, width), torch.zeros(1, height, width)
    for top in _starts(height):
        for left in _starts(width):
            place = (slice(None), slice(top, top + _TILE), slice(left, left + _TILE))
            total[place] += _in_tile(finder.network, film[place])
            counts[place] += 1
    shown = (total / counts).numpy()
    return shown[0], shown[1]


def _starts(side: int) -> list[int]:
    """Where tiles begin that cover a side, neighbours overlapping by half."""
    last = max(0, side - _TILE)
    return sorted({*range(0, last, _TILE // 2), last})


def _in_tile(
    network: Segmenter, tile: Float[Tensor, "1 height width"]
) -> Float[Tensor, "2 height width"]:
    """Probabilities in one tile, seen by its own mean and spread, as in training."""
    height, width = tile.shape[1:]
    padding = (0, -width % network.multiple, 0, -height % network.multiple)
    padded = torch.nn.functional.pad(tile[None], padding, mode="replicate")
    return torch.as_tensor(network(padded).sigmoid()[0, :, :height, :width])


def _pieces(shown: Float[np.ndarray, "height width"]) -> list[Mask]:
    """Connected parts that are possible everywhere and likely somewhere."""
    labels, _ = ndimage.label(shown > _POSSIBLE, np.ones((3, 3)))
    likely = np.setdiff1d(np.unique(labels[shown > _LIKELY]), 0)
    return [labels == index for index in likely]


def _length(mask: Mask) -> float:
    rows, columns = np.nonzero(mask)
    return float(np.hypot(np.ptp(rows), np.ptp(columns)))


def _part(piece: _Piece, scan: Scan) -> Part:
    rows, columns = np.nonzero(piece.mask)
    down, across = (full / small for full, small in zip(scan.plane, piece.mask.shape, strict=True))
    return Part(
        kind=piece.kind,
        box=(
            float(columns.min() * across),
            float(rows.min() * down),
            float((columns.max() + 1) * across),
            float((rows.max() + 1) * down),
        ),
        area=float(piece.mask.mean()),
        score=piece.score,
    )
