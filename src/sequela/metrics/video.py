"""How a clip runs: exact ends, no jump at joins, even motion, constant sharpness, order.

All clips are `[frame, channel, height, width]` in [-1, 1]; differences are on that scale.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

from sequela.core import InvalidInputError

Clip = Float[np.ndarray, "frame channel height width"]
Picture = Float[np.ndarray, "channel height width"]

_FINE_PX = 1.0  # standard deviation that parts fine detail from the rest


def end_error(clip: Clip, first: Picture, last: Picture) -> float:
    """The largest difference of any pixel of the end frames from the states."""
    return float(max(np.abs(clip[0] - first).max(), np.abs(clip[-1] - last).max()))


@dataclass(frozen=True, kw_only=True)
class JoinJump:
    """How much more happens at the ends of a clip than within it; 1 is as much.

    Attributes:
        change: The larger of the first and last frame-to-frame change (0 to 1 and K-2 to K-1) over
            the median one between them.
        bend: The same of second differences. nan where nothing bends within, as in a cross-fade.
    """

    change: float
    bend: float


def join_jump(clip: Clip) -> JoinJump:
    """The jump at a clip's joins; nan with fewer than five frames, or when nothing moves."""
    return JoinJump(
        change=_at_ends(_change(np.diff(clip, axis=0))),
        bend=_at_ends(_change(np.diff(clip, n=2, axis=0))),
    )


def smoothness(clip: Clip) -> float:
    """Mean second difference over mean first difference; 0 is a steady path, about 1.7 is noise.

    With noise of its own in each frame the differences have standard deviations of sqrt(6) and
    sqrt(2), hence sqrt(3).
    """
    _needs(clip, 3)
    moved = float(np.abs(np.diff(clip, axis=0)).mean())
    return float("nan") if moved == 0 else float(np.abs(np.diff(clip, n=2, axis=0)).mean()) / moved


def sharpness_constancy(clip: Clip) -> float:
    """Fine detail in the middle third of a clip over what its ends let expect; 1 is constant.

    Energy of what a blur of one pixel removes, against the line between the ends' energies. A
    cross-fade between pictures with unlike detail falls to about 0.5; an engine that paints new
    detail rises above 1.
    """
    _needs(clip, 3)
    fine = clip - gaussian_filter(clip, sigma=(0, 0, _FINE_PX, _FINE_PX))
    energy = (fine.astype(np.float64) ** 2).mean(axis=(1, 2, 3))
    weights = np.linspace(0, 1, len(clip))
    expected = energy[0] + weights * (energy[-1] - energy[0])
    middle = np.abs(weights - 0.5) <= max(1 / 6, 0.5 / (len(clip) - 1))
    below = float(expected[middle].sum())
    return float("nan") if below == 0 else float(energy[middle].sum()) / below


@dataclass(frozen=True, kw_only=True)
class Course:
    """How a score runs through a clip.

    Attributes:
        rise: Score of the last frame minus that of the first, in the judge's units.
        order: Spearman correlation of score and frame, [-1, 1]; nan when the score never changes.
        backtrack: Largest fall against the direction of the whole, over |rise|; 0 is monotone.
    """

    rise: float
    order: float
    backtrack: float


def course(clip: Clip, judge: Callable[[Clip], Float[np.ndarray, " frame"]]) -> Course:
    """How monotone a judge's score runs from state to state.

    Args:
        clip: The frames.
        judge: Gives a score for each frame. It must not be the model that drew them.
    """
    _needs(clip, 2)
    scores = np.asarray(judge(clip), np.float64)
    if scores.shape != (len(clip),):
        raise InvalidInputError(
            f"`judge` must give one score for each of {len(clip)} frames, got {scores.shape}."
        )
    rise = float(scores[-1] - scores[0])
    forward = scores if rise >= 0 else -scores
    fall = float((np.maximum.accumulate(forward) - forward).max())
    moves = bool(np.ptp(scores) > 0)
    return Course(
        rise=rise,
        order=float(spearmanr(np.arange(len(scores)), scores).statistic) if moves else float("nan"),
        backtrack=fall / abs(rise) if rise else float("nan"),
    )


def _change(differences: Clip) -> Float[np.ndarray, " difference"]:
    return np.asarray(np.abs(differences).mean(axis=(1, 2, 3)), np.float64)


def _at_ends(changes: Float[np.ndarray, " difference"]) -> float:
    if len(changes) < 3:
        return float("nan")
    typical = float(np.median(changes[1:-1]))
    # what float32 cannot tell from 0 is no motion to compare with
    return float(max(changes[0], changes[-1])) / typical if typical > 1e-6 else float("nan")


def _needs(clip: Clip, frames: int) -> None:
    if len(clip) < frames:
        raise InvalidInputError(f"`clip` must hold at least {frames} frames, got {len(clip)}.")
