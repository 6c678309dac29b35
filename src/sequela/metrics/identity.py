"""Identity: do two images show the same person, as far as an embedding can tell?

A judge is first measured on real repeat visits: the cosine of two films of one patient (genuine)
against that of two patients (impostors). Impostors from another hospital or in another projection
are told apart by the look of the film alone, so those of the same kind are what counts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from sequela.core import InvalidInputError
from sequela.core.checks import check_share
from sequela.metrics.bootstrap import DRAWS, Estimate, mean_estimate, pair_interval
from sequela.metrics.ranking import auroc, placed_auroc

Embed = Callable[[Float[np.ndarray, "image channel *space"]], Float[np.ndarray, "image dimension"]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Pairs of images, each once.

    Attributes:
        first: Index of one image.
        second: Index of the other.
        genuine: Whether both are of one patient.
    """

    first: Int[np.ndarray, " pair"]
    second: Int[np.ndarray, " pair"]
    genuine: Bool[np.ndarray, " pair"]

    def where(self, chosen: Bool[np.ndarray, " pair"]) -> "Pairs":
        """Only these pairs."""
        return Pairs(
            first=self.first[chosen], second=self.second[chosen], genuine=self.genuine[chosen]
        )


def pairs_of(
    patients: Shaped[np.ndarray, " image"], kinds: Shaped[np.ndarray, " image"] | None = None
) -> Pairs:
    """All pairs of images; with `kinds`, impostors are of the same kind only.

    Args:
        patients: Who each image is of.
        kinds: Such as data set and view of each image.
    """
    first, second = np.triu_indices(len(patients), 1)
    genuine = patients[first] == patients[second]
    pairs = Pairs(first=first, second=second, genuine=genuine)
    return pairs if kinds is None else pairs.where(genuine | (kinds[first] == kinds[second]))


@dataclass(frozen=True, kw_only=True)
class Verification:
    """How well a similarity tells genuine pairs from impostors.

    Attributes:
        auroc: Chance that a genuine pair is more alike than two strangers, drawn by patient.
        equal_error: Share of both kinds that is wrong at the threshold where these are equal.
        accepted: Share of genuine pairs above the similarity that 5 % of impostors exceed.
        genuine: Number of pairs.
        impostors: Number of pairs.
    """

    auroc: Estimate
    equal_error: float
    accepted: float
    genuine: int
    impostors: int


def verification(
    similarity: Float[np.ndarray, " pair"],
    pairs: Pairs,
    patients: Shaped[np.ndarray, " image"],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Verification:
    """Measure a judge on real pairs, the interval drawn by patient.

    Args:
        similarity: Of each pair, higher is more alike.
        pairs: Which images, and which pairs are genuine.
        patients: Who each image is of.
        draws: Bootstrap samples.
        seed: Of the draws.

    Raises:
        InvalidInputError: There is no genuine pair, or no impostor.
    """
    genuine = pairs.genuine
    if not genuine.any() or genuine.all():
        raise InvalidInputError(
            f"`pairs` must hold both kinds, got {int(genuine.sum())} genuine of {len(genuine)}. "
            "Repeat visits make genuine pairs."
        )
    first, second = patients[pairs.first], patients[pairs.second]
    _, places = np.unique(similarity, return_inverse=True)
    low, high = pair_interval(
        lambda weights: placed_auroc(places, genuine, weights),
        first,
        second,
        draws=draws,
        seed=seed,
    )
    away, alike = similarity[~genuine], similarity[genuine]
    threshold = equal_error_threshold(similarity, genuine)
    wrong = (np.mean(away >= threshold) + np.mean(alike < threshold)) / 2
    return Verification(
        auroc=Estimate(
            value=auroc(similarity, genuine),
            low=low,
            high=high,
            cases=len(genuine),
            patients=len(np.unique(np.concatenate([first, second]))),
        ),
        equal_error=float(wrong),
        accepted=float(np.mean(alike > np.percentile(away, 95))),
        genuine=int(genuine.sum()),
        impostors=int((~genuine).sum()),
    )


def roc(
    similarity: Float[np.ndarray, " pair"], genuine: Bool[np.ndarray, " pair"]
) -> tuple[Float[np.ndarray, " point"], Float[np.ndarray, " point"]]:
    """Shares of impostors and of genuine pairs accepted, from the strictest threshold to none."""
    thresholds = np.unique(similarity)[::-1]
    away, alike = np.sort(similarity[~genuine]), np.sort(similarity[genuine])
    false = 1 - np.searchsorted(away, thresholds) / len(away)
    true = 1 - np.searchsorted(alike, thresholds) / len(alike)
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], true])


def equal_error_threshold(
    similarity: Float[np.ndarray, " pair"], genuine: Bool[np.ndarray, " pair"]
) -> float:
    """The similarity at which as large a share of impostors passes as of genuine pairs fails."""
    thresholds = np.unique(similarity)[::-1]
    false, true = roc(similarity, genuine)
    return float(thresholds[int(np.argmin(np.abs(false[1:] - (1 - true[1:]))))])


def cosine(
    first: Float[np.ndarray, "image dimension"], second: Float[np.ndarray, "image dimension"]
) -> Float[np.ndarray, " image"]:
    """Cosine of each vector with its counterpart, [-1, 1]."""
    scale = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.asarray((first * second).sum(axis=1) / scale, np.float64)


def identity(
    embed: Embed,
    before: Float[np.ndarray, "pair channel height width"],
    after: Float[np.ndarray, "pair channel height width"],
) -> Float[np.ndarray, " pair"]:
    """How alike an image and what became of it are to an identity embedding, [-1, 1].

    Give whole images, or the crops of `region_box`, and name which: an edit that swaps the lungs of
    a patient in an untouched frame passes the first and fails the second.

    Args:
        embed: Vectors of a batch of images, fitted to what its network reads.
        before: The baselines.
        after: The last states, in the same order and place.
    """
    if len(before) != len(after):
        raise InvalidInputError(
            f"`before` and `after` must pair up, got {len(before)} and {len(after)}. "
            "Leave out baselines whose simulation failed."
        )
    return cosine(embed(before), embed(after))


def share_same(
    similarity: Float[np.ndarray, " pair"],
    patients: Shaped[np.ndarray, " pair"],
    *,
    threshold: float,
) -> Estimate:
    """Share of pairs that pass for one person, in the sense of the paper's identity score, [0, 1].

    Read it beside the share of real repeat visits that pass: no judge knows all of them.

    Args:
        similarity: Of each simulation's baseline and last state.
        patients: Who each simulation is of.
        threshold: From the judge's card, for whole images or region crops as measured.
    """
    return mean_estimate((similarity >= threshold) * 1.0, patients)


def region_box(
    region: Float[np.ndarray, "height width"], *, margin: float = 0.05
) -> tuple[slice, slice]:
    """Rows and columns around a soft mask; the whole image where the mask is empty.

    Args:
        region: Soft mask in [0, 1].
        margin: Added on each side, as a share of the box's side.
    """
    check_share("margin", margin)
    inside = region > 0.5
    if not inside.any():
        return slice(0, region.shape[0]), slice(0, region.shape[1])
    rows, columns = (np.asarray(inside.any(axis=axis)) for axis in (1, 0))
    return _span(rows, margin), _span(columns, margin)


def _span(inside: Bool[np.ndarray, " side"], margin: float) -> slice:
    places = np.flatnonzero(inside)
    low, high = int(places[0]), int(places[-1]) + 1
    more = round(margin * (high - low))
    return slice(max(0, low - more), min(len(inside), high + more))
