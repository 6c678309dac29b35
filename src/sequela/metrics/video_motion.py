"""Motion against cross-fade: did things move between two states, or only fade out and in?

Both ends of a clip tell two stories of every frame between: the *blend* of the ends, and the
*morph*, in which content is carried along the optical flow between them. The score asks where on
the line from blend (0) to morph (1) a frame lies, after everything was taken out of the comparison
that a blend can be dressed up with: blending at another rate, in another place of the picture, a
brighter or flatter or blurred picture, a shaken one. Noise has no direction, so it moves the score
neither way. A least-squares coefficient, then, and no ratio of errors, which any dressing changes.

Limits. It sees motion along *this* flow: other true paths score between, and a clip drawn by the
same flow (`flow`) scores about 1 by construction, so known truth must judge that one. A translucent
thing that drifts has no single flow, and its true frames score low. A hard-edged swap of parts by
place can pass for motion where the moving parts are flat. And a flow bends any two textures towards
each other: of unlike ones it explains about 0.65 of the difference, of unlike grain 0.3. Read the
score where `explained` is above 0.7; below 0.35 it is nan.
"""

from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter, shift

from sequela.core import InvalidInputError
from sequela.imaging import Morph, carried, optical_flow, resize
from sequela.metrics.video import Clip, Picture

_SIDE = 256  # pixels of the longer side at which clips are compared
_CELLS = 4  # places along each side that may blend at rates of their own
_BLURS_PX = (0.7, 1.5, 3.0)
_ALIGNED = 3  # Gauss-Newton steps that undo a shaken frame
_MARGIN_PX = 4  # border left out of the comparison: shaken frames have none
_MOMENTS = np.linspace(0.05, 0.95, 19)
_ALIKE = 1e-11  # share of the largest squared singular value below which columns are one
_EXPLAINED = 0.35  # below this share of the ends' difference, the flow followed grain

Design = Float[np.ndarray, "pixel regressor"]


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Whether a clip moves.

    Attributes:
        score: About 0 for a cross-fade however disguised, towards 1 for motion; nan where the ends
            do not differ by motion.
        standard_error: Of the score, as far as noise makes it uncertain.
        explained: Share of the squared difference of the ends that their optical flow explains.
    """

    score: float
    standard_error: float
    explained: float


def motion(clip: Clip) -> Motion:
    """Motion against cross-fade over all frames between the ends, strong evidence counting most.

    Args:
        clip: At least 3 frames in [-1, 1].
    """
    if len(clip) < 3:
        raise InvalidInputError(f"`clip` must hold at least 3 frames, got {len(clip)}.")
    small = _small(clip)
    morph = Morph.of(small[0], small[-1])
    explained = _explained(small[0], small[-1])
    if not explained >= _EXPLAINED:  # nan where the ends are equal
        return Motion(score=float("nan"), standard_error=float("nan"), explained=explained)
    stories = [morph.at(float(moment)) for moment in _MOMENTS]
    placed = []
    for weight, frame in zip(np.linspace(0, 1, len(clip))[1:-1], small[1:-1], strict=True):
        placed.append(_placed(frame, morph, float(weight), stories))
    positions, evidence, rests = np.array(placed).T
    total = float(evidence.sum())
    if total == 0:
        return Motion(score=float("nan"), standard_error=float("nan"), explained=explained)
    return Motion(
        score=float((positions * evidence).sum()) / total,
        standard_error=float(np.sqrt((rests * evidence).sum())) / total,
        explained=explained,
    )


def warping_error(clip: Clip) -> float:
    """Mean difference of neighbouring frames after one was carried onto the other.

    Low for steady motion, high for flicker. A cross-fade is low as well: read it beside `motion`.

    Source: Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018, arXiv:1808.00449.
    Departs from it: absolute differences, and a flow without a network.
    """
    errors = []
    for before, after in pairwise(clip):
        there, back = optical_flow(before, after), optical_flow(after, before)
        returned = carried(back, there)
        # visible in both frames: the way there and the way back meet, to half a pixel
        away = ((there + returned) ** 2).sum(axis=0)
        seen = away < 0.01 * ((there**2).sum(axis=0) + (returned**2).sum(axis=0)) + 0.5
        errors.append(float(np.abs(before - carried(after, there)).mean(axis=0)[seen].mean()))
    return float(np.nanmean(errors))


def _placed(
    frame: Picture, morph: Morph, weight: float, stories: list[Picture]
) -> tuple[float, float, float]:
    """Where a frame lies between blend and morph, how much that tells, and what stays unexplained.

    The frame may run ahead or lag, and it may be shaken: of the likely moments and shifts the pair
    that leaves the least unexplained is taken.
    """
    nearest = _MOMENTS[int(np.argmin([((frame - story) ** 2).mean() for story in stories]))]
    fits = []
    for moment in {weight, float(nearest)}:
        blend = morph.first + np.float32(moment) * (morph.last - morph.first)
        design = _design(morph, blend, morph.at(moment))
        starts = {(0.0, 0.0), _whole_shift(frame, blend)}
        fits += [_fitted(frame, blend, design, np.array(start)) for start in starts]
    return min(fits, key=lambda fit: fit[2])


def _design(morph: Morph, blend: Picture, moved: Picture) -> Design:
    """Columns: the way from blend to morph, two shifts, then all a blend can be dressed up with."""
    difference = morph.last - morph.first
    shifts = np.gradient(blend, axis=(1, 2))
    blurs = [gaussian_filter(blend, (0, s, s)) - blend for s in _BLURS_PX]
    local = [difference * cell for cell in _cells(blend.shape[1], blend.shape[2])]
    columns = [moved - blend, *shifts, *blurs, *local, blend, np.ones_like(blend)]
    return np.stack([_inner(column) for column in columns], axis=1)


def _fitted(
    frame: Picture, blend: Picture, design: Design, start: Float[np.ndarray, " two"]
) -> tuple[float, float, float]:
    """Position between blend and morph, the evidence for it, and the mean squared rest."""
    products = design.T @ design
    inverse = np.linalg.pinv(products, rcond=_ALIKE, hermitian=True)
    moved = start
    for _ in range(_ALIGNED):
        still = shift(frame, (0, *moved), order=1, mode="nearest") if moved.any() else frame
        target = _inner(still - blend)
        solved = inverse @ (design.T @ target)
        # shifting the frame by s subtracts s times its slope, which the slope's weight undoes
        moved = moved + np.clip(solved[1:3], -1, 1)
    rest = float(((target - design @ solved) ** 2).mean())
    # what of the first column the others cannot tell
    others = np.linalg.pinv(products[1:, 1:], rcond=_ALIKE, hermitian=True)
    own = products[0, 0] - products[0, 1:] @ others @ products[1:, 0]
    return float(solved[0]), max(float(own), 0.0), rest


def _whole_shift(frame: Picture, blend: Picture) -> tuple[float, float]:
    """Whole pixels that bring a shaken frame back over the blend, by cross-correlation."""
    spectra = [np.fft.rfft2(x.mean(axis=0) - x.mean()) for x in (blend, frame)]
    space = (frame.shape[1], frame.shape[2])
    match = np.fft.irfft2(spectra[0] * np.conj(spectra[1]), s=space)
    found = np.unravel_index(int(match.argmax()), space)
    down, across = (
        int(at) if at <= side // 2 else int(at) - side
        for at, side in zip(found, space, strict=True)
    )
    within = max(abs(down), abs(across)) <= _MARGIN_PX
    return (float(down), float(across)) if within else (0.0, 0.0)


def _explained(first: Picture, last: Picture) -> float:
    apart = float(((first - last) ** 2).mean())
    if apart == 0:
        return float("nan")
    return 1 - float(((first - carried(last, optical_flow(first, last))) ** 2).mean()) / apart


def _cells(height: int, width: int) -> list[Float[np.ndarray, "height width"]]:
    """Smooth overlapping places that add up to 1."""
    knots = np.arange(_CELLS)
    rows, columns = (
        np.clip(1 - np.abs(np.linspace(0, _CELLS - 1, side)[:, None] - knots), 0, 1)
        for side in (height, width)
    )
    return [
        np.outer(rows[:, row], columns[:, column]).astype(np.float32)
        for row, column in product(knots, knots)
    ]


def _inner(picture: Picture) -> Float[np.ndarray, " pixel"]:
    inside = picture[:, _MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX]
    return np.asarray(inside, np.float64).ravel()


def _small(clip: Clip) -> Clip:
    height, width = clip.shape[2:]
    scale = min(1.0, _SIDE / max(height, width))
    space = (round(height * scale), round(width * scale))
    return np.stack([resize(frame.astype(np.float32), space) for frame in clip])
