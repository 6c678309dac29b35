"""What the codes stand for: how often each is used, its look, where it lies, what goes with it."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from sequela.core import InvalidInputError
from sequela.core.checks import check_count
from sequela.simulators.lungs.codec import VolumeCodec

Indices = Int[Tensor, "scan d h w"]


def histograms(
    indices: Indices, inside: Bool[Tensor, "scan d h w"], codes: int
) -> Float[np.ndarray, "scan code"]:
    """Share of each code among the cells of each scan's lungs; a row sums to 1.

    Args:
        indices: Which code lies in which cell.
        inside: The cells of the lungs.
        codes: How many there are.

    Raises:
        InvalidInputError: A scan has no cell in the lungs.
    """
    counts = torch.stack(
        [torch.bincount(i[m], minlength=codes) for i, m in zip(indices, inside, strict=True)]
    )
    totals = counts.sum(dim=1, keepdim=True)
    if bool((totals == 0).any()):
        raise InvalidInputError(
            f"`inside` must hold a cell of each scan, but scan {int(totals.argmin())} has none. "
            "Give the lungs of that scan, or leave it out."
        )
    return (counts.double() / totals).numpy()


def usage(shares: Float[np.ndarray, "scan code"]) -> tuple[float, float]:
    """The share of codes that are used at all, and their perplexity, over all scans."""
    mean = shares.mean(axis=0)
    used = mean[mean > 0]
    return float((mean > 0).mean()), float(np.exp(-(used * np.log(used)).sum()))


@torch.no_grad()
def decoded_codes(
    codec: VolumeCodec, *, around: int = 4, batch: int = 32
) -> Float[np.ndarray, "code side side side"]:
    """How each code looks in HU, alone among its like: the decoded middle of a block of it.

    Args:
        codec: Stage 1.
        around: Cells of the same code on each side of the one that is shown.
        batch: Codes that are decoded at once.
    """
    check_count("around", around, minimum=0)
    side, factor = 2 * around + 1, codec.config.factor
    middle = slice(around * factor, (around + 1) * factor)
    pictures = []
    for codes in codec.codebook.codes.split(batch):
        blocks = codes[:, :, None, None, None].expand(-1, -1, side, side, side)
        pictures.append(codec.decode(blocks)[:, 0, middle, middle, middle])
    return codec.to_hu(torch.cat(pictures)).numpy()


def mean_patches(
    scans_hu: Float[Tensor, "scan depth height width"], indices: Indices, codes: int
) -> Float[np.ndarray, "code side side side"]:
    """What each code stood for in real scans: the mean voxels of its cells; nan where it had none.

    Args:
        scans_hu: Scans.
        indices: Their codes.
        codes: How many there are.
    """
    factor = scans_hu.shape[1] // indices.shape[1]
    patches = scans_hu
    for axis in (1, 2, 3):
        patches = patches.unfold(axis, factor, factor)
    flat, place = patches.reshape(-1, factor**3).double(), indices.flatten()
    sums = torch.zeros(codes, factor**3, dtype=torch.double).index_add_(0, place, flat)
    counts = torch.bincount(place, minlength=codes)[:, None]
    means = torch.where(counts > 0, sums / counts, torch.nan)
    return means.view(codes, factor, factor, factor).float().numpy()


def overlay_labels(
    indices: Int[Tensor, "d h w"], chosen: Sequence[int], factor: int
) -> Int[np.ndarray, "depth height width"]:
    """Where chosen codes lie, on the voxel grid: 1 for the first, 2 for the second; else 0."""
    labels = torch.zeros_like(indices)
    for number, code in enumerate(chosen, start=1):
        labels[indices == code] = number
    whole = labels.numpy()
    for axis in (0, 1, 2):
        whole = whole.repeat(factor, axis=axis)
    return whole


def correlation(
    shares: Float[np.ndarray, "scan code"], chosen: Sequence[int]
) -> Float[np.ndarray, "chosen chosen"]:
    """Pearson correlation of chosen codes' shares over scans; nan for one that never varies."""
    columns = shares[:, list(chosen)]
    centred = columns - columns.mean(axis=0)
    spread = np.sqrt((centred**2).mean(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = np.where(spread > 0, centred / spread, np.nan)
    result: np.ndarray = scaled.T @ scaled / len(shares)
    return result
