"""How surely a judge sees the disease at the end of a simulation, and whether the way was steady.

Conf_final is the judge's score of the last state; Conf_seq multiplies it by the rank correlation of
scores and steps. An AUC-trained sigmoid is a ranking score and no probability: hand in a calibrated
one, and say which.

Source: Liang et al., "PIE", arXiv:2309.11745, section on metrics. As printed, Conf_seq sums over
N + 1 states and divides by N (N^2 - 1), so that a reversed order gives less than -1.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

from sequela.core import InvalidInputError
from sequela.core.checks import check_choice

Kind = Literal["standard", "literal"]


def conf_final(scores: Float[np.ndarray, "case state"]) -> Float[np.ndarray, " case"]:
    """The score of the last state of each simulation, [0, 1] for probabilities."""
    _check(scores)
    return scores[:, -1].astype(np.float64)


def conf_seq(
    scores: Float[np.ndarray, "case state"], kind: Kind = "standard"
) -> Float[np.ndarray, " case"]:
    """Rank correlation of scores and steps, times the last score.

    Args:
        scores: A judge's score of each state, the baseline first.
        kind: `standard` for Spearman's correlation of the N + 1 states; `literal` as printed, whose
            range is wider than [-1, 1]. The paper does not name the state of the last factor; it is
            the last one here.
    """
    return np.asarray(rank_correlation(scores, kind) * conf_final(scores))


def monotonicity(scores: Float[np.ndarray, "case state"]) -> Float[np.ndarray, " case"]:
    """Spearman's correlation of score and step, [-1, 1]; 0 where the score never changes."""
    return rank_correlation(scores, "standard")


def conf_at(
    scores: Float[np.ndarray, " state"], likeness: Float[np.ndarray, " state"], wanted: float
) -> float:
    """The score where a simulation is as like its first state as is wanted, between two states.

    Two simulators that keep different amounts of the image are compared fairly where they keep the
    same. A simulation that never moves so far gives its last score.

    Args:
        scores: A judge's score of each state.
        likeness: Of each state to the first, such as SSIM; the first is 1.
        wanted: As far as to go; the first state there counts.
    """
    there = np.flatnonzero(likeness <= wanted)
    if not len(there):
        return float(scores[-1])
    after = int(there[0])
    if after == 0:
        return float(scores[0])
    pair = slice(after - 1, after + 1)
    return float(np.interp(-wanted, -likeness[pair], scores[pair]))


def rank_correlation(
    scores: Float[np.ndarray, "case state"], kind: Kind
) -> Float[np.ndarray, " case"]:
    """The first factor of Conf_seq; tied scores share their mean rank.

    A judge whose score never changes has seen no order: `standard` gives 0. The printed formula
    takes the mean ranks as they are and gives more than that to a simulator that does nothing.
    """
    check_choice("kind", kind, ("standard", "literal"))
    _check(scores)
    states = scores.shape[1]
    ranks = rankdata(scores, axis=1)
    steps = np.arange(1, states + 1)
    if kind == "literal":
        total = ((ranks - steps) ** 2).sum(axis=1)
        return np.asarray(1 - 6 * total / ((states - 1) * ((states - 1) ** 2 - 1)))
    ranks, centred = ranks - ranks.mean(axis=1, keepdims=True), steps - steps.mean()
    spread = np.sqrt((ranks**2).sum(axis=1) * (centred**2).sum())
    # ranks are whole or half numbers, so a spread is 0 or well above 1
    return np.asarray(np.where(spread > 0, ranks @ centred / np.maximum(spread, 1), 0.0))


def _check(scores: Float[np.ndarray, "case state"]) -> None:
    if scores.shape[1] < 3:
        raise InvalidInputError(
            f"`scores` must hold at least 3 states a case, got {scores.shape[1]}. "
            "Simulate at least two steps."
        )
    if not np.isfinite(scores).all():
        raise InvalidInputError(
            "`scores` must be finite, got nan or infinity. Leave failed cases out, and count them."
        )
