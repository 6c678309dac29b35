"""Forecasts of the same patients under two arms against both truths, and what a policy gains.

Both truths of a patient are known only in a simulator whose arms are coupled. Nothing here is
treatment advice: arms of different trials are not one randomisation.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sequela.metrics import Estimate, estimate
from sequela.metrics.activity import pehe

Counts = Float[np.ndarray, " patient"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ArmCounts:
    """Counts of the same patients under one arm.

    Attributes:
        forecast: Expected.
        truth: That came.
    """

    forecast: Counts
    truth: Counts


@dataclass(frozen=True, kw_only=True)
class ArmEffect:
    """One arm against another over all patients.

    Attributes:
        rate_ratio: Of forecasts.
        true_rate_ratio: Of what came to these patients.
        pehe: Root mean squared error of individual effects.
        pehe_no_heterogeneity: Of the same effect for everybody, that of the training patients.
        pehe_difference: The first less the second; below 0 the forecasts know who gains.
    """

    rate_ratio: Estimate
    true_rate_ratio: Estimate
    pehe: Estimate
    pehe_no_heterogeneity: Estimate
    pehe_difference: Estimate


def arm_effect(arm: ArmCounts, reference: ArmCounts, *, mean_effect: float) -> ArmEffect:
    """Rate ratio and individual effects of an arm against a reference.

    Args:
        arm: Under the arm.
        reference: The same patients, in the same order, under placebo, say.
        mean_effect: Lesions that the arm spares the mean training patient.
    """
    who = np.arange(len(arm.truth))
    spared = reference.forecast - arm.forecast
    truth = reference.truth - arm.truth
    same = np.full(len(who), mean_effect)
    return ArmEffect(
        rate_ratio=estimate(lambda i: _ratio(arm.forecast[i], reference.forecast[i]), who),
        true_rate_ratio=estimate(lambda i: _ratio(arm.truth[i], reference.truth[i]), who),
        pehe=estimate(lambda i: pehe(spared[i], truth[i]), who),
        pehe_no_heterogeneity=estimate(lambda i: pehe(same[i], truth[i]), who),
        pehe_difference=estimate(
            lambda i: pehe(spared[i], truth[i]) - pehe(same[i], truth[i]), who
        ),
    )


def policy_values(
    benefit: Counts, treated: Counts, untreated: Counts, shares: Float[np.ndarray, " share"]
) -> Float[np.ndarray, " share"]:
    """Mean lesions that come when only the share with the most forecast benefit is treated.

    Args:
        benefit: Forecast lesions spared; who has most comes first.
        treated: Lesions that come to each patient under the treatment.
        untreated: And without it.
        shares: Of patients who are treated, [0, 1].
    """
    order = np.argsort(-benefit, kind="stable")
    with_first = np.concatenate([[0.0], np.cumsum(treated[order])])
    without_rest = untreated.sum() - np.concatenate([[0.0], np.cumsum(untreated[order])])
    counts = np.rint(shares * len(order)).astype(int)
    return np.asarray((with_first + without_rest)[counts] / len(order))


def policy_gain(benefit: Counts, treated: Counts, untreated: Counts) -> float:
    """Lesions spared by treating who gains most first, over treating at random: area of the curve.

    In lesions a patient, mean over all shares; 0 for an order that tells nothing.
    """
    shares = np.linspace(0, 1, len(benefit) + 1)
    random = untreated.mean() + shares * (treated.mean() - untreated.mean())
    return float(np.mean(random - policy_values(benefit, treated, untreated, shares)))


def _ratio(above: Counts, below: Counts) -> float:
    total = float(below.sum())
    return float(above.sum()) / total if total else float("nan")
